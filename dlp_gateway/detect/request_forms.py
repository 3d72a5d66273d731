"""Forms that weigh for or against a request where no list of words tells them: endings, places, who does what.

They are expressions over folded text, and take time linear in it.
"""

from typing import Final

import re2


def _expression(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile(pattern, options)


ADDRESS: Final = _expression(r"[\w.+-]+@[\w-]+\.[\w.]+|https?://\S+|\bwww\.\S+")
#: Orders with their objects in one word, "envoyez-moi", "mandadme", "inviatecela", "pasámelos", "façam-mo".
CLITIC: Final = _expression(
    r"\b(?:\w{2,}(?:ez|e|s|is)-(?:moi|nous|la|le|les|lui|l')"
    r"|\w{2,}(?:ad|ed|id|en|e|a)(?:me|nos)?l[oa]s?|\w{2,}(?:dme|dnos|enos|eme)"
    r"|\w{2,}(?:cel[aeoi]|mel[aeoi]|glil[aeoi]|mene|cene|temi|teci|ami|aci|imi|ici)"
    r"|\w{2,}-(?:me|nos|mo|ma|mos|mas|no-l[oa]s?|l[oa]s?))\b"
)
DATE: Final = _expression(
    r"\b(?:by|until|till|before|latest|bis|vor|zum|avant|d'ici|au plus tard|entro|prima del|antes del?|hasta|ate|voor"
    r"|uiterlijk|do|przed|senast|fore|inden|senest)\s+(?:\w{1,12}\s+){0,2}\d"
)
IF: Final = _expression(r"\b(?:if|whether|should|wenn|falls|ob|si|se|als|jesli|om|hvis|czy)\b")
#: With one of these, a refusal is that of the writer until he gets it: "still not", "no keys without", "who does not".
LACKING: Final = _expression(
    r"\b(?:still|yet|noch|nach wie vor|bislang|bisher|encore|toujours|tant que|todavia|aun|hasta que|mientras|seguimos"
    r"|ancora|finche|tuttora|ainda|enquanto|jeszcze|wciaz|nadal|dopoki|annu|fortfarande|forran|nog|steeds|zolang|until"
    r"|unless|without|ohne|sans|sin|senza|zonder|sem|bez|utan|solange|bevor|before|solo|only|erst|sonst|otherwise|sinon"
    r"|altrimenti|anders|inaczej|annars|wer|quien|chi|wie|quem|qui|ceux|celui|kto|den som|whoever|anyone)\b"
)
#: The writer tells what he has done or will do.
OWN_DEED: Final = _expression(
    r"\b(?:(?:i|we)(?:'ve|'ll|'m|'re| have| had| will| just| already| also| can| could| am| are){0,3}\s+(?:\w+\s+)?"
    r"(?:sent|send|sending|scann?\w*|attach\w*|upload\w*|email\w*|mail\w*|forward\w*|photocop\w*|saved?|receiv\w*|got"
    r"|check\w*|verif\w*|asked|enclose\w*|delete\w*|shred\w*)"
    r"|(?:ich|wir) hab\w*(?: \w+){0,6} (?:ge\w+|er\w+t|\w+ge\w+t|\w+ge\w+en|ver\w+t)|hab\w* (?:ich|wir) \w+"
    r"|(?:j'ai|nous avons|on a)(?: \w+){0,2} \w+[eu]s?|(?:ho|abbiamo) \w+(?:to|so)|(?:he|hemos) \w+[dt]o"
    r"|enviei|mandei|recebi|recebemos|enviamos|(?:te|le) (?:envio|mando|adjunto)|ti (?:invio|mando|allego)"
    r"|le (?:invio|allego)|\w+(?:lem|lam|lismy|lysmy)|(?:jag|vi) har|(?:heb|hebben) (?:ik|wij|we)"
    r"|(?:ik|wij|we) (?:heb|hebben)(?: \w+){0,5} ge\w+)\b"
)
#: What was spoken of: "send it", "mandarceli", "ein Foto davon".
MEANT: Final = _expression(
    r"\b(?:it|them|these|those|yours|theirs|both|same|one|davon|dessen|ihn|eins|(?:sie|es|ihn) (?:mir|uns)"
    r"|(?:me|nous|moi) l[ae]s?|m'en|l[ae]s?-(?:moi|nous)|hem|ze|deze|'m|\w{3,}(?:cel[aeoi]|mel[aeoi]s?|nosl[oa]s?"
    r"|tel[aeoi]|enl[oa]s?)|lo|la|los|las|den|det|je|go|ihrs|deins|ton|tienne|votre|tuyo|suyo|mo|ma)\b"
)
#: What stands before a document …
YOURS: Final = _expression(
    r"\b(?:your|yr|ur|everyone's|everybody's|each \w+'s|their|child's|ihre?[nmrs]?|dein\w*|eu(?:er|re\w*)|votre|vos|ton"
    r"|ta|tes|su|sus|tus?|vuestr\w+|suo|sua|suoi|tuo|tua|tuoi|vostr\w+|uw|je|jouw|jullie|seu|teu|vosso|din"
    r"|ditt|dina|ert"
    r"|era|swoj\w*|twoj\w*|pan[ai]?|jed\w+|all\w*|every|each|chacun\w*|chaque|cada|todos|ogni|tutti|ieder\w*|elk\w*"
    r"|kazd\w+|alla|varje)\b[^.!?\n:;,]{0,30}\z"
)
MINE: Final = _expression(
    r"\b(?:(?:my|our|mein\w*|unser\w*|mon|notre|nuestr\w+|mio|mia|miei|nostr\w+|mijn|m'n|onze|meu|minha|nosso|nossa"
    r"|moj\w*|nasz\w*|mitt|mina)\s+(?:\w+\s+)?|(?:mi|mis|ma|mes|min|nos|ons|var|vart|vara)\s+)\z"
)
MISSING: Final = _expression(
    r"\b(?:without|no|ohne|kein\w*|sans|pas de|pas d'|aucun\w*|sin|senza|zonder|geen|sem|bez|brak|utan|uden|missing"
    r"|lack\w*|fehl\w*|manqu\w*|falt\w*|manca\w*|ontbreek\w*|ontbrek\w*|brakuj\w*|sakna\w*|mangler)\b[^.!?\n]{0,30}\z"
)
ABOUT: Final = _expression(
    r"\b(?:for|about|regarding|concerning|on|pour|concernant|sur|uber|fur|zum|zur|bezuglich|para|sobre|per|voor|over"
    r"|dla|o|om|till)\s+(?:the |a |an |your |ihre[nmrs]? |la |le |l'|el |votre |il |den |die |das |de |het "
    r"|o |sua? )?\z"
)
SUPPOSED: Final = _expression(
    r"\b(?:if|should|when|wenn|falls|si|se|als|indien|jesli|jezeli|gdyby|om|hvis)\s+(?:\w+\s+)?(?:anyone"
    r"|anybody|someone"
    r"|somebody|they|he|she|jemand|einer|man|quelqu'un|on (?:vous|te)|alguien|qualcuno|iemand|alguem|ktos"
    r"|nagon|nogen)\b"
)
#: … and behind it.
MISSED: Final = _expression(
    r"\A[^.!?\n]{0,40}\b(?:missing|outstanding|lacking|not on file|fehl\w*|manqu\w*|falt\w*|manca\w*|ontbreek\w*"
    r"|brakuj\w*|sakna\w*|mangler|needed|required|noch offen|steht noch aus)\b"
)
BLANK: Final = _expression(r"_{3,}|\.{6,}|(?:_ ){3,}")
NUMBER: Final = _expression(r"(?-i:(?:[A-Z]{0,5}[ -]?\d){6,})")
#: Words that may mean another document as well.
WEAK: Final = _expression(
    r"\A(?:(?:the|your|ur|his|her|their|an?|new|renewed|valid|current) )*(?:licen[cs]es?|lic|permis|permit|documento?s?"
    r"|carta|id|ids|permess\w+|card|carnets?|carnes?|leg|legitimation\w*)\z"
)
YOURS_WITHIN: Final = _expression(
    r"\b(?:your|yr|ur|dein\w*|ihre?n?|votre|ton|ta|tuo|tua|suo|sua|tu|su|uw|je|jouw|seu|sua|ditt)\b"
)
OTHER_LICENCE: Final = _expression(
    r"\b(?:licen[cs]e|licen[cs]es|permit|permits|lizenz\w*|licenza|licencia|licenca|permis)\b"
)
BEGINS_WITH_DEED: Final = _expression(
    r"\A(?:thank|attached|enclosed|sent|sending|i |we |he |she |they |my |anbei|danke|ci-joint|voici|adjunto|te envio"
    r"|le envio|envio|allego|in allegato|segue|bijgevoegd|hierbij|bifog)"
)
#: What is asked for, right behind the word that asks: "send me your registration".
OBJECT: Final = _expression(
    r"\A(?: back| over| in)?\s{1,2}(?:me |us |uns |mir |nous |moi |nos |ons |mij )?(?:the|your|ur|an?|any"
    r"|ihren?|deinen?"
    r"|den|die|das|einen?|eine|votre|vos|les?|la|l'|une?|sus?|el|los|las|tu|il|lo|i|gli|uw|je|het|een|de|os?"
    r"|as?|uma?|sua"
    r"|seu|ert?|ditt|en|ett|only the|nur (?:die|den|das))\s+[a-z]{3,}"
)
