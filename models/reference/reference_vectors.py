#!/usr/bin/env python3
"""Prints Hugging Face's own numbers for BERT model directories, as JSON.

    reference_vectors.py [--hidden-states] DIRECTORY...

Needs torch, transformers, tokenizers and safetensors; runs on the CPU, without padding, one sentence at a time, with
attention written out (`eager`). The pinned outputs beside this file were made with

    reference_vectors.py all-MiniLM-L6-v2 > minilm.json        # the directory that `viewless_models::fetch` installs
    reference_vectors.py --hidden-states FOLDER/* > synthetic.json    # see ../examples/write_synthetic.rs

Each sentence has its token identifiers and, as far as the model has them: `mean` (over the tokens, before any normalisation),
`pooler`, `logits`. With --hidden-states there are only the two short sentences, with the last `hidden_states`. All are
computed in float32, Hugging Face's default.
`float32_error` is how far that is, at most over all printed numbers, from the same pass in float64: no other float32
implementation can be expected to agree more closely than this.
"""

import argparse
import json
import os
import platform
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import safetensors
import tokenizers
import torch
import transformers

SENTENCES = [
    "Hello",
    "The view is empty.",
    "A party sees no secret; every message looks like noise, doesn't it?",
    "We share the weights, add a mask, open the sum and subtract: nobody learns more than the answer, and if somebody"
    " did, the checker would have to name the message, the party and the secret that it gives away.",
]


def load_model(directory, dtype):
    config = json.loads((directory / "config.json").read_text())
    options = {"dtype": dtype, "attn_implementation": "eager", "local_files_only": True}
    if "BertForSequenceClassification" in config.get("architectures", []):
        return transformers.BertForSequenceClassification.from_pretrained(directory, **options).eval()
    with safetensors.safe_open(directory / "model.safetensors", "pt") as weights:
        has_pooler = any(name.endswith("pooler.dense.weight") for name in weights.keys())
    return transformers.BertModel.from_pretrained(directory, add_pooling_layer=has_pooler, **options).eval()


def outputs(model, ids):
    tokens = torch.tensor([ids])
    with torch.no_grad():
        bert = getattr(model, "bert", model)
        result = bert(input_ids=tokens, attention_mask=torch.ones_like(tokens))
        named = {"mean": result.last_hidden_state[0].mean(dim=0)}
        if result.pooler_output is not None:
            named["pooler"] = result.pooler_output[0]
        if bert is not model:
            named["logits"] = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[0]
        named["hidden_states"] = result.last_hidden_state[0]
    return named


def plain(values):
    """The shortest decimals that read back as the same float32."""
    if values.dim() > 1:
        return [plain(row) for row in values]
    return [float(str(value)) for value in values.numpy()]


def describe(directory, with_hidden_states):
    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    single, double = load_model(directory, torch.float32), load_model(directory, torch.float32).double()
    error, described = 0.0, []
    for sentence in SENTENCES[:2] if with_hidden_states else SENTENCES:
        ids = tokenizer.encode(sentence).ids
        named, exact = outputs(single, ids), outputs(double, ids)
        if not with_hidden_states:
            del named["hidden_states"]
        for name, values in named.items():
            error = max(error, (values.double() - exact[name]).abs().max().item())
        described.append({"text": sentence, "ids": ids, **{name: plain(values) for name, values in named.items()}})
    return {"name": directory.resolve().name, "float32_error": error, "sentences": described}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden-states", action="store_true", help="short sentences only, with their last hidden states")
    parser.add_argument("directories", nargs="+", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    versions = {module.__name__: module.__version__ for module in (torch, transformers, tokenizers, safetensors)}
    versions["python"] = platform.python_version()
    models = [describe(d, arguments.hidden_states) for d in arguments.directories]
    # One line per sentence keeps the file and its diffs small.
    separator = ",\n"
    for model in models:
        lines = separator.join(map(json.dumps, model.pop("sentences")))
        model["text"] = json.dumps(model)[:-1] + f', "sentences": [\n{lines}\n]}}'
    texts = separator.join(model["text"] for model in models)
    print(f'{{"versions": {json.dumps(versions)}, "models": [\n{texts}\n]}}')


if __name__ == "__main__":
    main()
