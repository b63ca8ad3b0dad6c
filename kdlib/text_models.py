"""Two cheap models that read texts: hashed n-grams in torch, and scikit-learn's TF-IDF.

`TextNgrams`, the small model of the text cascades, is linear in the words of a text, the pairs of
neighbouring words, and the parts of words, each hashed into one of 16,384 buckets (`encode_texts`).
It is fitted by `kdlib.training.fit`. What it gains by distillation counts only against the
strongest cheap model that needs no teacher: `tfidf_logits`.

Weinberger et al. (2009), Feature hashing for large scale multitask learning, arXiv:0902.2206;
Joulin et al. (2016), Bag of tricks for efficient text classification, arXiv:1607.01759.
"""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from kdlib.checks import texts as text_checks
from kdlib.data import Examples

BUCKETS = 2**14
PART_LENGTHS = (3, 4)  # characters of a part of a word


class TextNgrams(nn.Module):
    """A linear model of a text's hashed n-grams.

    The logits are the summed weights of the n-grams, divided by the root of their number. All
    weights begin at zero, so that what training gives depends on the order of the batches alone.

    >>> TextNgrams(16)(encode_texts(["a sweet red fruit"])).shape
    torch.Size([1, 16])
    """

    def __init__(self, classes: int, buckets: int = BUCKETS) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1 + buckets, classes))  # row 0 is padding
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K) of hashed texts (N, L)."""
        text_checks.hashed_texts(inputs, len(self.weight) - 1)
        sums = functional.embedding_bag(inputs, self.weight, mode="sum", padding_idx=0)
        counts = (inputs > 0).sum(dim=1, keepdim=True).clamp(min=1)
        return self.bias + sums / counts.sqrt()


def encode_texts(texts: Sequence[str], buckets: int = BUCKETS) -> Tensor:
    """The different n-grams of each text, hashed to numbers from 1 to `buckets`, in rising order.

    Returns:
        (N, L) int64, L as the longest text needs, filled up with 0.

    Raises:
        ValueError, TypeError: no texts, a single string, or an entry that is none.

    >>> encode_texts(["Ulm", "ulm!"])[:, :2].tolist()
    [[2792, 3057], [2792, 3057]]
    """
    rows = [sorted(_of_text(text, buckets)) or [0] for text in text_checks.several_texts(texts)]
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def words_in(text: str) -> list[str]:
    """The words of a text in lower case; an apostrophe inside a word belongs to it.

    >>> words_in("Where's order 7-B?")
    ["where's", 'order', '7', 'b']
    """
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def parts(word: str) -> list[str]:
    """The runs of three and four characters of a word, which "<" begins and ">" ends.

    >>> parts("ulm")
    ['<ul', 'ulm', 'lm>', '<ulm', 'ulm>']
    """
    framed = f"<{word}>"
    return [framed[i : i + n] for n in PART_LENGTHS for i in range(len(framed) - n + 1)]


def _of_text(text: str, buckets: int) -> set[int]:
    words = words_in(text)
    pairs = {_bucket(f"{first} {second}", buckets) for first, second in pairwise(words)}
    return pairs.union(*(_of_word(word, buckets) for word in words))


@lru_cache(maxsize=2**16)
def _of_word(word: str, buckets: int) -> frozenset[int]:
    return frozenset(_bucket(ngram, buckets) for ngram in (word, *parts(word)))


def _bucket(ngram: str, buckets: int) -> int:
    return 1 + zlib.crc32(ngram.encode("utf-8", "surrogatepass")) % buckets


def tfidf_logits(train: Examples, texts: Sequence[str]) -> Tensor:
    """What the strongest cheap baseline says: scikit-learn's TF-IDF and logistic regression.

    Args:
        train: labelled texts (as `names`), of every class at least one.
        texts: N texts to answer.

    Returns:
        (N, K) float32 logits, which are log-probabilities.

    Raises:
        ValueError, TypeError: texts or labels are missing, or a class has no text.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: it takes a second
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    text_checks.labelled_texts(train.names, train.labels)
    asked = text_checks.several_texts(texts)
    parts_of_words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    regression = LogisticRegression(C=100, max_iter=1000)
    model = make_pipeline(make_union(parts_of_words, words), regression)
    log_probs = model.fit(train.names, train.labels).predict_log_proba(asked)
    return torch.tensor(log_probs, dtype=torch.float32)
