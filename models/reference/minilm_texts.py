#!/usr/bin/env python3
"""Prints what sentence-transformers makes of odd texts under all-MiniLM-L6-v2, as JSON.

    minilm_texts.py DIRECTORY > minilm_texts.json

DIRECTORY is the one that `viewless_models::fetch` installs. Texts of 1 to 600 words, emoji, Chinese, Japanese and Korean characters, scripts from
right to left, special tokens in the text, controls, accents in both forms, words that are too long, and nothing. Each has its token identifiers and
the first 16 of 384 numbers of `encode`, which are normalised, to seven digits. Made with torch 2.15.0, transformers 5.24.0 and
sentence-transformers 6.2.0 on the CPU.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from sentence_transformers import SentenceTransformer

torch.set_num_threads(1)

WORDS = "nobody saw this sentence and still it was understood".split()
TEXTS = [" ".join(WORDS[i % len(WORDS)] for i in range(count)) for count in (1, 2, 5, 20, 100, 253, 254, 255, 256, 300, 600)]
TEXTS += [
    "",
    " ",
    "\t\n  \r\n",
    "\U0001f600",
    "a \U0001f468‍\U0001f469‍\U0001f467 family \U0001f1eb\U0001f1f7 ❤️ \U0001f44d\U0001f3fd",
    "漢字とかなカナ",
    "中文没有空格，也有标点。",
    "한국어 텍스트",
    "שלום עולם",
    "مرحبا بالعالم، كيف حالك؟",
    "abc \u202eright to left\u202c and back \u200f.",
    "[CLS] the [SEP] of [MASK] and [PAD] [UNK]",
    "[cls] the[SEP]of[MASK]",
    "<s> </s> <mask> <|endoftext|>",
    "naïve café déjà vu",
    "nai\u0308ve cafe\u0301 de\u0301ja\u0300 vu",
    "Straße ǅ İstanbul ﬁne",
    "a\u0000b\ufffdc\u200bd\u00ade",
    "x" * 100,
    "x" * 101,
    "don't stop-words, e.g. 3.14%!!! #tag @user http://a.b/c?d=e",
    "\u00a0non\u2003breaking\u3000spaces",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ℌ ①②③",
]


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu", model_kwargs={"dtype": torch.float32})
    lines = []
    for text in TEXTS:
        tokens = model.tokenize([text])["input_ids"][0].tolist()
        output = [float(f"{x:.7g}") for x in model.encode([text])[0][:16].tolist()]
        lines.append(json.dumps({"text": text, "tokens": tokens, "output": output}))
    print("[\n" + ",\n".join(lines) + "\n]")


if __name__ == "__main__":
    main()
