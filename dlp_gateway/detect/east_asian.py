"""Japanese, Korean and Chinese words of a request, said in English: their letters have no counterpart in ASCII."""

import re
from collections.abc import Mapping
from typing import Final

#: Longer words first where one begins with another; sentences end where their sign for it stands.
_ENGLISH: Final[Mapping[str, str]] = {
    # what asks, and what does not
    "送らないで": "do not send",
    "送付しないで": "do not send",
    "不要": "no need",
    "必要ありません": "no need",
    "持参": "bring",
    "提示": "show",
    "お持ち": "bring",
    "ください": "please",
    "下さい": "please",
    "お願い": "please",
    "いただけ": "could you",
    "頂け": "could you",
    "必要": "we need",
    "送って": "send us",
    "お送り": "send us",
    "送付": "send us",
    "送信": "send us",
    "返信": "reply with",
    "提出": "submit",
    "添付": "attach",
    "アップロード": "upload",
    "までに": "by the deadline",
    "写真": "picture",
    "画像": "image",
    "コピー": "copy",
    "写し": "copy",
    "スキャン": "scan",
    "両面": "both sides",
    "表裏": "both sides",
    "裏表": "both sides",
    "メール": "mail",
    "보내지": "do not send",
    "필요 없": "no need",
    "지참": "bring",
    "제시": "show",
    "부탁": "please",
    "바랍니다": "please",
    "주세요": "please",
    "주십시오": "please",
    "주시": "could you",
    "필요": "we need",
    "보내": "send us",
    "회신": "reply with",
    "제출": "submit",
    "첨부": "attach",
    "업로드": "upload",
    "송부": "send us",
    "까지": "by the deadline",
    "사진": "picture",
    "사본": "copy",
    "스캔": "scan",
    "앞뒤": "both sides",
    "앞면": "front",
    "뒷면": "back",
    "양면": "both sides",
    "메일": "mail",
    "请勿": "do not",
    "不要发": "do not send",
    "无需": "no need",
    "携带": "bring",
    "出示": "show",
    "请": "please",
    "請": "please",
    "麻烦": "could you",
    "需要": "we need",
    "发送": "send us",
    "发给": "send us",
    "发到": "send us",
    "發送": "send us",
    "寄": "send us",
    "回复": "reply with",
    "提交": "submit",
    "提供": "provide",
    "上传": "upload",
    "上傳": "upload",
    "之前": "by the deadline",
    "照片": "picture",
    "复印件": "copy",
    "扫描件": "scan",
    "正反面": "both sides",
    "邮件": "mail",
    # documents
    "運転免許": "driving licence",
    "免許証": "driving licence",
    "パスポート": "passport",
    "旅券": "passport",
    "本人確認書類": "identity document",
    "身分証": "identity card",
    "マイナンバーカード": "identity card",
    "在留カード": "residence permit",
    "운전면허": "driving licence",
    "면허증": "driving licence",
    "여권": "passport",
    "신분증": "identity card",
    "주민등록증": "identity card",
    "외국인등록증": "residence permit",
    "驾驶证": "driving licence",
    "驾照": "driving licence",
    "駕照": "driving licence",
    "护照": "passport",
    "護照": "passport",
    "身份证": "identity card",
    "身分證": "identity card",
}
_WORDS: Final = re.compile("|".join(sorted(_ENGLISH, key=len, reverse=True)))
_LETTERS: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]+")


def in_english(text: str) -> str:
    """Return text with the words of a request and of documents in English; other places are no longer the same."""
    if text.isascii() or _LETTERS.search(text) is None:
        return text
    return _LETTERS.sub(" ", _WORDS.sub(lambda word: f" {_ENGLISH[word[0]]} ", text))


def may_ask(text: str) -> bool:
    """Tell whether a text has words that would be read in English."""
    return not text.isascii() and _WORDS.search(text) is not None
