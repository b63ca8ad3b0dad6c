"""How do small and large models of sequences differ, and what does it cost?

`tokens`: names as rows of tokens. `models`, `transformer`: a table, a GRU, a Transformer, the
shipped teacher. `sampling`: names that a model invents, and how probable a name is. `sequence_kl`:
how far apart two models are. `distil`: losses on sequences for kdlib.training.fit. `generated`:
countries, precision and recall of invented names. `speculative`: a draft makes a target faster.
"""

from kdlib.language.distil import name_loss, on_policy_loss, with_token_teacher, word_loss
from kdlib.language.generated import PrecisionRecall, generated_mix, precision_recall
from kdlib.language.models import CharGRU, LanguageModel, NgramModel, count_ngrams
from kdlib.language.sampling import beam_search, log_prob, nats_per_character, sample
from kdlib.language.sequence_kl import kl_along, sequence_kl
from kdlib.language.speculative import (
    Decoding,
    acceptance_rate,
    best_draft_length,
    expected_tokens,
    residual,
    speculative_decode,
    speed_up,
)
from kdlib.language.tokens import END, TOKENS, counted, decode, every_name
from kdlib.language.transformer import CharTransformer, load_teacher, untrained_teacher

__all__ = [
    "END",
    "TOKENS",
    "CharGRU",
    "CharTransformer",
    "Decoding",
    "LanguageModel",
    "NgramModel",
    "PrecisionRecall",
    "acceptance_rate",
    "beam_search",
    "best_draft_length",
    "count_ngrams",
    "counted",
    "decode",
    "every_name",
    "expected_tokens",
    "generated_mix",
    "kl_along",
    "load_teacher",
    "log_prob",
    "name_loss",
    "nats_per_character",
    "on_policy_loss",
    "precision_recall",
    "residual",
    "sample",
    "sequence_kl",
    "speculative_decode",
    "speed_up",
    "untrained_teacher",
    "with_token_teacher",
    "word_loss",
]
