#!/usr/bin/env python3
"""Prints Hugging Face's own numbers for model directories, as JSON.

    reference_vectors.py [--hidden-states] DIRECTORY...

Needs torch, transformers, tokenizers and safetensors; runs on the CPU, without padding, one sentence at a time, with
attention written out (`eager`). The pinned outputs beside this file were made with

    reference_vectors.py all-MiniLM-L6-v2 > minilm.json        # the directory that `viewless_models::fetch` installs
    reference_vectors.py --hidden-states FOLDER/* > synthetic.json    # see ../examples/write_synthetic.rs

Each sentence has its token identifiers and, as far as the model has them: `mean` (over the tokens, before any normalisation),
`pooler`, `logits` (of labels, or of the token that follows the last one). A model of images has images instead, named in
the place of the text: the number of channel c, row y, column x of image `n` is ((7 c + 3 y + 5 x + n) mod 16 - 8) / 8.
With --hidden-states there are only the two short sentences, with the last `hidden_states`. All are
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


# The body of each class with a head of its own, and the bare classes whose pooler is optional.
BODIES = {
    "BertForSequenceClassification": "bert",
    "RobertaForSequenceClassification": "roberta",
    "DistilBertForSequenceClassification": "distilbert",
    "GPT2LMHeadModel": "transformer",
    "ViTForImageClassification": "vit",
}
WITH_POOLER = ["BertModel", "RobertaModel", "ViTModel"]


def load_model(directory, dtype):
    architecture = json.loads((directory / "config.json").read_text())["architectures"][0]
    options = {"dtype": dtype, "attn_implementation": "eager", "local_files_only": True}
    if architecture in WITH_POOLER:
        with safetensors.safe_open(directory / "model.safetensors", "pt") as weights:
            options["add_pooling_layer"] = any(name.endswith("pooler.dense.weight") for name in weights.keys())
    return getattr(transformers, architecture).from_pretrained(directory, **options).eval()


def image(model, number):
    size, channels = model.config.image_size, model.config.num_channels
    c, y, x = torch.meshgrid(torch.arange(channels), torch.arange(size), torch.arange(size), indexing="ij")
    return ((7 * c + 3 * y + 5 * x + number) % 16 - 8) / 8


def outputs(model, ids):
    """Of a text's tokens, or of the image of that number."""
    if isinstance(ids, int):
        arguments = {"pixel_values": image(model, ids)[None].to(model.dtype)}
    else:
        tokens = torch.tensor([ids])
        arguments = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    with torch.no_grad():
        body = getattr(model, BODIES.get(type(model).__name__, ""), model)
        result = body(**arguments)
        named = {"mean": result.last_hidden_state[0].mean(dim=0)}
        if getattr(result, "pooler_output", None) is not None:
            named["pooler"] = result.pooler_output[0]
        if body is not model:
            logits = model(**arguments).logits[0]
            named["logits"] = logits[-1] if logits.dim() == 2 else logits
        named["hidden_states"] = result.last_hidden_state[0]
    return named


def plain(values):
    """The shortest decimals that read back as the same float32."""
    if values.dim() > 1:
        return [plain(row) for row in values]
    return [float(str(value)) for value in values.numpy()]


def describe(directory, with_hidden_states):
    single, double = load_model(directory, torch.float32), load_model(directory, torch.float32).double()
    error, described = 0.0, []
    if (directory / "tokenizer.json").exists():
        tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        asked = [(text, tokenizer.encode(text).ids) for text in (SENTENCES[:2] if with_hidden_states else SENTENCES)]
    else:
        asked = [(f"image {number}", number) for number in range(2)]
    for sentence, ids in asked:
        named, exact = outputs(single, ids), outputs(double, ids)
        if not with_hidden_states:
            del named["hidden_states"]
        for name, values in named.items():
            error = max(error, (values.double() - exact[name]).abs().max().item())
        described.append({"text": sentence, "ids": [] if isinstance(ids, int) else ids, **{name: plain(values) for name, values in named.items()}})
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
