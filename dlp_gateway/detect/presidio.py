"""Our recognition as a Presidio recognizer, and Presidio as a guest of ours: the only door to presidio and spaCy.

Nothing here reaches for the network: the engine is given its registry, a spaCy pipeline without a downloaded model (or
the operator's own, which must be installed), and a public suffix list that is never fetched. What is analysed is never
traced (`log_decision_process` stays off), since Presidio would write it to its log.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import spacy
import spacy.util
import tldextract
import tldextract.tldextract
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    PatternRecognizer,
    RecognizerRegistry,
    RecognizerResult,
    predefined_recognizers,
)
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import PhoneRecognizer, SpacyRecognizer

from dlp_gateway.detect.identifier_rules import load_rules
from dlp_gateway.detect.recognition import Recognition, Span
from dlp_gateway.errors import ConfigurationError, Problem

# Presidio's e-mail and URL recognizers ask this extractor, which would fetch the public suffix list on first use.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

_NAME: Final = "DLP Gateway identifiers"
_LANGUAGE: Final = "en"  # ours read every language at once; Presidio wants one named


class IdentifierRecognizer(EntityRecognizer):
    """All identifiers of a rule book as one recognizer, usable in any `AnalyzerEngine`.

    Entities are `DRIVER_LICENSE`, `CREDIT_CARD` …; `recognition_metadata` holds `rule`, `country` and `why`.
    """

    def __init__(self, recognition: Recognition, supported_language: str = _LANGUAGE) -> None:
        self._recognition = recognition
        super().__init__(
            supported_entities=sorted(recognition.types),
            name=_NAME,
            supported_language=supported_language,
        )

    @classmethod
    def from_folder(cls, folder: Path, supported_language: str = _LANGUAGE) -> "IdentifierRecognizer":
        """Return the recognizer of a folder of packs; raise `ConfigurationError`."""
        return cls(Recognition(load_rules(folder)), supported_language)

    def load(self) -> None:
        """Do nothing: rules are compiled before."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what was found in `text`, of the `entities` asked for; tokens and lemmas are not needed."""
        del nlp_artifacts
        wanted = frozenset(entities)
        return [self._result(span) for span in self._recognition.spans(text) if span.type in wanted]

    def _result(self, span: Span) -> RecognizerResult:
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: _NAME,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
            "rule": span.rule,
            "country": span.country,
            "why": span.why,
        }
        return RecognizerResult(span.type, span.start, span.end, span.score, recognition_metadata=metadata)


class _NoEnhancer(ContextAwareEnhancer):
    """Leaves scores alone: ownership has judged the context already, and lemmas are empty in a blank pipeline."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=0,
            min_score_with_context_similarity=0,
            context_prefix_count=0,
            context_suffix_count=0,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """Return the results as they are."""
        del text, nlp_artifacts, recognizers, context
        return raw_results


class _InstalledNlpEngine(SpacyNlpEngine):
    """A spaCy pipeline that is on this machine: the operator's model, or a blank one that only splits words."""

    def __init__(self, model: str = "") -> None:
        self._model = model
        super().__init__(models=[{"lang_code": _LANGUAGE, "model_name": model or "blank"}])

    def load(self) -> None:
        """Load the pipeline; Presidio's own loader would download what is missing."""
        if not self._model:
            self._pipelines({_LANGUAGE: spacy.blank(_LANGUAGE)})
            return
        if not spacy.util.is_package(self._model) and not Path(self._model).is_dir():
            message = "This spaCy model is neither an installed package nor a folder; it is never downloaded."
            raise ConfigurationError.of(f"spaCy model {self._model}", message)
        self._pipelines({_LANGUAGE: spacy.load(self._model)})

    def _pipelines(self, pipelines: Any) -> None:  # noqa: ANN401 - Presidio types its own attribute as None
        self.nlp = pipelines


class Analyzer:
    """A Presidio engine that holds recognizers and nothing else; ours need no pipeline, so none runs for them."""

    def __init__(self, recognizers: Iterable[EntityRecognizer], *, model: str = "", pipeline: bool = False) -> None:
        self.nlp_engine = _InstalledNlpEngine(model)
        self._engine = _engine(tuple(recognizers), self.nlp_engine)
        self.entities = tuple(sorted(self._engine.get_supported_entities(language=_LANGUAGE)))
        self._artifacts = None if pipeline or model else _no_artifacts(self.nlp_engine)

    def spans(self, text: str) -> tuple[Span, ...]:
        """Return what the recognizers find in `text`, by place."""
        results = self._engine.analyze(
            text, language=_LANGUAGE, entities=list(self.entities), nlp_artifacts=self._artifacts
        )
        return tuple(sorted((_span(result) for result in results), key=lambda span: (span.start, span.end)))


def stock(names: Iterable[str], *, model: str = "") -> tuple[EntityRecognizer, ...]:
    """Return Presidio's recognizers of these class names, and the one of the model if there is one.

    Raises `ConfigurationError` for names that Presidio lacks and for recognizers that call a service or fetch a model.
    """
    recognizers: list[EntityRecognizer] = []
    problems: list[Problem] = []
    for name in names:
        kind = getattr(predefined_recognizers, name, None)
        if isinstance(kind, type) and issubclass(kind, (PatternRecognizer, PhoneRecognizer)):
            recognizer: Callable[..., EntityRecognizer] = kind
            recognizers.append(recognizer(supported_language=_LANGUAGE))
        else:
            message = "Presidio has no recognizer of this name that works on this machine alone."
            problems.append(Problem(source=f"recognizer {name}", line=0, column=0, message=message))
    if problems:
        raise ConfigurationError(problems)
    return (*recognizers, SpacyRecognizer(supported_language=_LANGUAGE)) if model else tuple(recognizers)


def _no_artifacts(nlp_engine: SpacyNlpEngine) -> NlpArtifacts:
    tokens = spacy.blank(_LANGUAGE)("")
    return NlpArtifacts(
        entities=[], tokens=tokens, tokens_indices=[], lemmas=[], nlp_engine=nlp_engine, language=_LANGUAGE
    )


def _engine(recognizers: Sequence[EntityRecognizer], nlp_engine: SpacyNlpEngine) -> AnalyzerEngine:
    registry = RecognizerRegistry(recognizers=list(recognizers), supported_languages=[_LANGUAGE])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp_engine,
        supported_languages=[_LANGUAGE],
        log_decision_process=False,
        context_aware_enhancer=_NoEnhancer(),
    )


def _span(result: RecognizerResult) -> Span:
    metadata = result.recognition_metadata or {}
    return Span(
        start=result.start,
        end=result.end,
        type=result.entity_type,
        country=metadata.get("country", ""),
        score=result.score,
        rule=metadata.get("rule", result.entity_type.lower()),
        why=metadata.get("why", ""),
    )
