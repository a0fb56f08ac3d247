"""Words per second by the length of documents: the same words in all rows, cut into ever longer documents.

    python benchmarks/lengths.py --json F [--pipeline xx_slavner] [--corpus FILE] [--words 100000]

Many short documents go through `nlp.pipe` in one call, and so does the longest, alone. The rows take turns;
`slowest_over_fastest` is what the length makes of the speed. Seconds are the processor's.
"""

import re
import time
from pathlib import Path
from statistics import median

from common import finish, parser
from common.data import texts_of
from common.pipelines import taken

LENGTHS = (10, 100, 1_000, 10_000, 100_000)


def first_words(texts: list[str], number: int) -> str:
    """Give so many words, the texts again and again at need, with the white space between them."""
    text = "\n\n".join(texts)
    words = len(text.split())
    text = "\n\n".join([text] * -(-number // words))
    *_, last = (match for match, _ in zip(re.finditer(r"\S+", text), range(number), strict=False))
    return text[: last.end()]


def cut(text: str, length: int) -> list[str]:
    """Cut a text into documents of so many words; the last may be shorter."""
    starts = [match.start() for match in re.finditer(r"\S+", text)][::length]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--pipeline", help="A trained pipeline; by default one of bert_crf with random heads")
    args.add_argument("--encoder", type=Path, help="Folder of an encoder for that")
    args.add_argument("--corpus", type=Path, help="A .spacy file with the texts")
    args.add_argument("--words", type=int, default=LENGTHS[-1], help="Words in each row")
    args.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="Words in a document")
    args.add_argument("--rounds", type=int, default=3)
    args = args.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    nlp = taken(args.pipeline, args.encoder, args.seed)
    text = first_words(texts_of(args.corpus, args.words), args.words)
    cells = {length: cut(text, length) for length in args.lengths}
    # Dictionaries are loaded and kernels chosen at the first need, which took a third of the first row.
    for documents in cells.values():
        for _ in nlp.pipe(documents[: max(1, len(documents) // 10)]):
            pass
    seconds: dict[int, list[float]] = {length: [] for length in cells}
    names = {}
    for _ in range(args.rounds):
        for length, documents in cells.items():
            start = time.process_time()
            names[length] = sum(len(doc.ents) for doc in nlp.pipe(documents))
            seconds[length].append(time.process_time() - start)
    rows = [
        {
            "words_per_document": length,
            "documents": len(documents),
            "words": sum(len(document.split()) for document in documents),
            "names": names[length],
            "words_per_processor_second": round(args.words / median(seconds[length])),
        }
        for length, documents in cells.items()
    ]
    speeds = [row["words_per_processor_second"] for row in rows]
    finish(args, {"slowest_over_fastest": round(min(speeds) / max(speeds), 3), "rows": rows})


if __name__ == "__main__":
    main()
