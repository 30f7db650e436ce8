#!/usr/bin/env python3
"""Makes random tiny model directories with transformers and sentence-transformers, and what they answer.

    random_directories.py FOLDER [COUNT [FIRST]]

Each directory FOLDER/000, FOLDER/001, … holds a model of a random architecture and head with randomly set fields of its
configuration, tokenizer options, file forms and number formats, all drawn from a generator that its number seeds, and
`reference.json`: the text (or the number of an image), the token identifiers, and the numbers of the answer in row-major order, by the
library itself in float32 on the CPU, read back from the directory; `exact` is the same in float64, which tells what float32 loses. Directories that the library itself cannot load are left out.
`cargo run -p viewless-models --example compare_references -- FOLDER` compares. Made with torch 2.15.0, transformers 5.24.0 and
sentence-transformers 6.2.0.
"""

import json
import os
import random
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

torch.set_num_threads(1)

CORPUS = [
    "hello world the view of nobody is worth nothing to it and still it was understood",
    "the quick brown fox jumps over the lazy dog, again and again!",
    "été naïve façade über straße 漢字 かな привет שלום 12345 a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z . , ! ? ' -",
]
TEXTS = [
    "hello the view",
    "Hello World, the view of nobody",
    "  Été naïve:  the QUICK   brown fox's straße ",
    "漢字 and שלום, привет \U0001f600 12345",
    "the [MASK] of <mask> and <extra> [CLS] </s>",
    "again\tand\nagain",
    "",
]
ACTIVATIONS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_python", "relu", "silu", "swish", "quick_gelu", "mish", "tanh"]


def word_piece(directory, draw, options):
    trainer = trainers.WordPieceTrainer(vocab_size=180, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS + [text.lower() for text in CORPUS], trainer)
    words = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    if draw.random() < 0.4:
        (directory / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        config = {"tokenizer_class": draw.choice(["BertTokenizer", "BertTokenizerFast"]), **options}
        (directory / "tokenizer_config.json").write_text(json.dumps(config))
    else:
        made = transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)}, **options)
        if draw.random() < 0.3:
            made.add_tokens(["<extra>"])
        made.save_pretrained(directory)
        if draw.random() < 0.3:
            file = directory / "tokenizer_config.json"
            config = json.loads(file.read_text())
            config["do_lower_case"] = draw.random() < 0.5
            file.write_text(json.dumps(config))
    return len(words) + 1


def mpnet_pieces(directory, draw, options):
    trainer = trainers.WordPieceTrainer(vocab_size=180, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"])
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS + [text.lower() for text in CORPUS], trainer)
    words = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    if draw.random() < 0.4:
        (directory / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MPNetTokenizer", **options}))
    else:
        made = transformers.MPNetTokenizer(vocab={word: i for i, word in enumerate(words)}, **options)
        if draw.random() < 0.3:
            made.add_tokens(["<extra>"])
        made.save_pretrained(directory)
    return len(words) + 1


def byte_level(directory, draw, roberta, options):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if roberta else ["<|endoftext|>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    made = json.loads(tokenizer.to_str())["model"]
    name = "RobertaTokenizer" if roberta else "GPT2Tokenizer"
    if draw.random() < 0.4:
        (directory / "vocab.json").write_text(json.dumps(made["vocab"]))
        merges = "\n".join(" ".join(pair) for pair in made["merges"])
        (directory / "merges.txt").write_text("#version: 0.2\n" + merges + "\n", encoding="utf-8")
        (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **options}))
        if draw.random() < 0.3:
            (directory / "added_tokens.json").write_text(json.dumps({"<extra>": len(made["vocab"])}))
    else:
        merges = [tuple(pair) for pair in made["merges"]]
        written = getattr(transformers, name)(vocab=made["vocab"], merges=merges, **options)
        if draw.random() < 0.3:
            written.add_tokens(["<extra>"])
        written.save_pretrained(directory)
    return len(made["vocab"]) + 1


def sentence_pieces(directory, draw, name, options):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    if name == "CamembertTokenizer":
        special = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
    trainer = trainers.UnigramTrainer(vocab_size=220, special_tokens=special + ["<mask>"], unk_token="<unk>")
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(CORPUS * 8, trainer)
    vocabulary = [tuple(piece) for piece in json.loads(tokenizer.to_str())["model"]["vocab"]]
    made = getattr(transformers, name)(vocab=vocabulary, **options)
    if draw.random() < 0.3:
        made.add_tokens(["<extra>"])
    made.save_pretrained(directory)
    return len(made)


def maybe(draw, chance, fields, **more):
    if draw.random() < chance:
        fields.update(more)


CLASSES = {
    "bert": ["BertModel", "BertForSequenceClassification", "BertForTokenClassification", "BertForQuestionAnswering",
             "BertForMaskedLM", "BertForNextSentencePrediction", "BertForPreTraining"],
    "roberta": ["RobertaModel", "RobertaForSequenceClassification", "RobertaForTokenClassification",
                "RobertaForQuestionAnswering", "RobertaForMaskedLM"],
    "distilbert": ["DistilBertModel", "DistilBertForSequenceClassification", "DistilBertForTokenClassification",
                   "DistilBertForQuestionAnswering", "DistilBertForMaskedLM"],
    "gpt2": ["GPT2Model", "GPT2LMHeadModel", "GPT2ForSequenceClassification", "GPT2ForTokenClassification",
             "GPT2ForQuestionAnswering"],
    "vit": ["ViTModel", "ViTForImageClassification"],
    "xlm-roberta": ["XLMRobertaModel", "XLMRobertaForSequenceClassification", "XLMRobertaForTokenClassification",
                    "XLMRobertaForQuestionAnswering", "XLMRobertaForMaskedLM"],
    "camembert": ["CamembertModel", "CamembertForSequenceClassification", "CamembertForTokenClassification",
                  "CamembertForQuestionAnswering", "CamembertForMaskedLM"],
    "mpnet": ["MPNetModel", "MPNetForSequenceClassification", "MPNetForTokenClassification", "MPNetForQuestionAnswering",
              "MPNetForMaskedLM"],
    "electra": ["ElectraModel", "ElectraForSequenceClassification", "ElectraForTokenClassification",
                "ElectraForQuestionAnswering", "ElectraForMaskedLM"],
}
CONFIGURATIONS = {"bert": "BertConfig", "roberta": "RobertaConfig", "distilbert": "DistilBertConfig", "gpt2": "GPT2Config",
                  "vit": "ViTConfig", "xlm-roberta": "XLMRobertaConfig", "camembert": "CamembertConfig", "mpnet": "MPNetConfig", "electra": "ElectraConfig"}
# Directories before this number are of the first five families, so that they stay as they were; from here on of the two that came next.
LATER = 350
# From here on of all families, with MPNet and ELECTRA, and with all the steps behind a pooling.
LATEST = 1000
# From here on the same with long texts.
LONG = 3000


def configuration(draw, family, directory, positions):
    hidden, heads = draw.choice([(16, 2), (24, 4), (12, 3)])
    layers = draw.choice([1, 2])
    activation = draw.choice(ACTIVATIONS if draw.random() < 0.6 else ["gelu", "gelu_new"])
    fields = {"num_labels": draw.choice([1, 2, 3, 5])}
    maybe(draw, 0.2, fields, problem_type=draw.choice(["regression", "multi_label_classification"]))
    maybe(draw, 0.05, fields, chunk_size_feed_forward=3)
    if family in ("bert", "roberta", "xlm-roberta", "camembert", "electra"):
        fields.update(hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=20,
                      hidden_act=activation, max_position_embeddings=positions, type_vocab_size=draw.choice([1, 2]),
                      layer_norm_eps=draw.choice([1e-12, 1e-5, 0.1]))
        maybe(draw, 0.1, fields, is_decoder=True)
        maybe(draw, 0.1, fields, tie_word_embeddings=False)
        if family == "electra":
            fields.update(embedding_size=draw.choice([hidden, 8, 40]))
        elif family != "bert":
            maybe(draw, 0.3, fields, pad_token_id=draw.choice([0, 1, 3]))
    elif family == "mpnet":
        fields.update(hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=20,
                      hidden_act=activation, max_position_embeddings=positions, layer_norm_eps=draw.choice([1e-12, 1e-5, 0.1]))
        maybe(draw, 0.1, fields, tie_word_embeddings=False)
        maybe(draw, 0.1, fields, pad_token_id=0)
    elif family == "distilbert":
        fields.update(dim=hidden, n_heads=heads, n_layers=layers, hidden_dim=20, activation=activation,
                      max_position_embeddings=positions, sinusoidal_pos_embds=draw.random() < 0.3)
    elif family == "gpt2":
        fields.update(n_embd=hidden, n_head=heads, n_layer=layers, n_positions=positions, activation_function=activation,
                      layer_norm_epsilon=draw.choice([1e-5, 0.1]))
        maybe(draw, 0.3, fields, n_inner=20)
        maybe(draw, 0.15, fields, scale_attn_weights=False)
        maybe(draw, 0.15, fields, scale_attn_by_inverse_layer_idx=True)
        maybe(draw, 0.15, fields, reorder_and_upcast_attn=True)
        maybe(draw, 0.2, fields, tie_word_embeddings=False)
        maybe(draw, 0.4, fields, pad_token_id=draw.choice([0, 5]))
        maybe(draw, 0.1, fields, add_cross_attention=True)
    else:
        image, patch = draw.choice([(12, 4), (12, 5), (8, 2)])
        fields.update(hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers, intermediate_size=20,
                      hidden_act=activation, image_size=image, patch_size=patch, num_channels=draw.choice([1, 3]),
                      qkv_bias=draw.random() < 0.8)
        maybe(draw, 0.1, fields, pooler_act="relu")
        return fields
    options = {}
    if family in ("bert", "distilbert", "electra"):
        maybe(draw, 0.4, options, do_lower_case=draw.random() < 0.5)
        maybe(draw, 0.3, options, strip_accents=draw.random() < 0.5)
        maybe(draw, 0.3, options, tokenize_chinese_chars=draw.random() < 0.5)
        fields["vocab_size"] = word_piece(directory, draw, options)
    elif family == "mpnet":
        maybe(draw, 0.4, options, do_lower_case=draw.random() < 0.5)
        maybe(draw, 0.3, options, strip_accents=draw.random() < 0.5)
        maybe(draw, 0.3, options, tokenize_chinese_chars=draw.random() < 0.5)
        fields["vocab_size"] = mpnet_pieces(directory, draw, options)
    elif family in ("xlm-roberta", "camembert"):
        maybe(draw, 0.4, options, add_prefix_space=draw.random() < 0.5)
        name = "XLMRobertaTokenizer" if family == "xlm-roberta" else "CamembertTokenizer"
        fields["vocab_size"] = sentence_pieces(directory, draw, name, options)
    else:
        maybe(draw, 0.4, options, add_prefix_space=draw.random() < 0.5)
        fields["vocab_size"] = byte_level(directory, draw, family == "roberta", options)
    return fields


def save(draw, model, directory):
    form = draw.choice(["one", "one", "shards", "pytorch", "half", "double"])
    if form == "half":
        model = model.to(draw.choice([torch.float16, torch.bfloat16]))
    if form == "double":
        model = model.to(torch.float64)
    model.save_pretrained(directory, max_shard_size="8KB" if form == "shards" else "5GB")
    if form == "pytorch":
        for file in directory.glob("*.safetensors"):
            file.unlink()
        torch.save(model.state_dict(), directory / "pytorch_model.bin")
    file = directory / "config.json"
    config = json.loads(file.read_text())
    if draw.random() < 0.2:
        for field in ["layer_norm_eps", "layer_norm_epsilon", "type_vocab_size", "pad_token_id"]:
            default = getattr(type(model.config)(), field, None)
            if config.get(field) == default:
                config.pop(field, None)
    if draw.random() < 0.1:
        config["id2label"] = None
    file.write_text(json.dumps(config, indent=1))


def image(number, channels, size):
    pixel = lambda c, y, x: ((7 * c + 3 * y + 5 * x + number) % 16 - 8) / 8
    return torch.tensor([[[[pixel(c, y, x) for x in range(size)] for y in range(size)] for c in range(channels)]])


def answer(name, output):
    for field in ["logits", "prediction_logits", "seq_relationship_logits"]:
        if getattr(output, field, None) is not None:
            logits = output[field]
            return logits[:, -1] if name == "GPT2LMHeadModel" else logits
    if getattr(output, "start_logits", None) is not None:
        return torch.stack([output.start_logits, output.end_logits], -1)
    if getattr(output, "pooler_output", None) is not None:
        return output.pooler_output
    return output.last_hidden_state


def both(name, model, inputs):
    """The answer in float32, and in float64 from the same weights."""
    output = answer(name, model(**inputs)).flatten().tolist()
    double = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
    return {"output": output, "exact": answer(name, model.double()(**double)).flatten().tolist()}


def sentence(draw, directory, text, latest):
    """Makes a sentence-transformers directory of a bare model, and its answer."""
    from sentence_transformers import SentenceTransformer
    mode = draw.choice(["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
    flags = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "weightedmean": "weightedmean_tokens"}
    hidden = json.loads((directory / "config.json").read_text())
    width = next(hidden[name] for name in ["hidden_size", "dim", "n_embd"] if name in hidden)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": width, f"pooling_mode_{flags.get(mode, mode)}": True}
    normalised = latest and more_steps(draw, directory, modules, pooling, width)
    (directory / "1_Pooling/config.json").write_text(json.dumps(pooling))
    settings = {"max_seq_length": draw.choice([5, 8, 60]), "do_lower_case": draw.random() < 0.4}
    (directory / "sentence_bert_config.json").write_text(json.dumps(settings))
    if draw.random() < 0.4:
        prompts = {"prompts": {"query": "the view: "}, "default_prompt_name": "query"}
        (directory / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    model = SentenceTransformer(str(directory), device="cpu", model_kwargs={"dtype": torch.float32})
    features = model.tokenize([model.prompts[model.default_prompt_name] + text if model.default_prompt_name else text])
    answers = {"output": model.encode([text]), "exact": model.double().encode([text], convert_to_tensor=True)}
    answers = {name: torch.as_tensor(answer).flatten().tolist() for name, answer in answers.items()}
    return {"tokens": features["input_ids"][0].tolist(), **answers, **({"normalised": True} if normalised else {})}


def more_steps(draw, directory, modules, pooling, width):
    """Several poolings, linear layers and a normalisation behind them, and whether there is that."""
    from sentence_transformers.sentence_transformer.modules import Dense
    modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    if draw.random() < 0.5:
        several = draw.sample(modes, draw.choice([2, 3]))
        width *= len(several)
        names = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens"}
        for key in [key for key in pooling if key.startswith("pooling_mode")]:
            del pooling[key]
        if draw.random() < 0.5:
            pooling["pooling_mode"] = several
        else:
            pooling.update({f"pooling_mode_{names.get(mode, mode)}": True for mode in several})
    def add(kind):
        path = f"{len(modules)}_{kind}"
        modules.append({"idx": len(modules), "name": str(len(modules)), "path": path,
                        "type": f"sentence_transformers.models.{kind}"})
        (directory / path).mkdir()
        return directory / path
    for _ in range(draw.choice([0, 1, 1, 2])):
        outputs = draw.choice([5, 8, 16])
        activation = draw.choice([torch.nn.Identity(), torch.nn.Tanh(), torch.nn.ReLU(), torch.nn.GELU(), torch.nn.SiLU(),
                                  torch.nn.Sigmoid()])
        residual = {"use_residual": True} if draw.random() < 0.1 else {}
        dense = Dense(width, outputs, bias=draw.random() < 0.7, activation_function=activation, **residual)
        for parameter in dense.parameters():
            torch.nn.init.normal_(parameter, 0.0, 0.3)
        path = add("Dense")
        dense.save(str(path), safe_serialization=draw.random() < 0.7)
        if draw.random() < 0.2:
            config = json.loads((path / "config.json").read_text())
            config.pop(draw.choice(["module_input_name", "module_output_name"]), None)
            (path / "config.json").write_text(json.dumps(config))
        width = outputs
    normalised = draw.random() < 0.3
    if normalised:
        add("Normalize")
        if draw.random() < 0.1:
            add("Dense").rmdir()
    (directory / "modules.json").write_text(json.dumps(modules))
    return normalised


def make(number, directory):
    draw = random.Random(number)
    torch.manual_seed(number)
    families = list(CLASSES)
    latest = number >= LATEST
    family = draw.choice(families if latest else families[:5] if number < LATER else families[5:7])
    name = draw.choice(CLASSES[family])
    fields = configuration(draw, family, directory, 640 if number >= LONG else 64)
    config = getattr(transformers, CONFIGURATIONS[family])(**fields)
    model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            norm = parameter.dim() == 1 and parameter_name.endswith("weight")
            parameter.normal_(1.0 if norm else 0.0, 0.3)
    save(draw, model, directory)
    loaded = getattr(transformers, name).from_pretrained(directory, dtype=torch.float32).eval()
    reference = {"class": name}
    with torch.no_grad():
        if family == "vit":
            pixels = image(number, config.num_channels, config.image_size)
            return {**reference, "image": number, **both(name, loaded, {"pixel_values": pixels})}
        text = draw.choice(TEXTS)
        if number >= LONG:
            text = " ".join(draw.choices(" ".join(CORPUS).split(" "), k=draw.choice([20, 60, 150])))
        if name.endswith("Model") and draw.random() < 0.6 or latest and draw.random() < 0.2:
            return {**reference, "text": text, **sentence(draw, directory, text, latest)}
        tokens = transformers.AutoTokenizer.from_pretrained(directory)(text, return_tensors="pt")
        return {**reference, "text": text, "tokens": tokens["input_ids"][0].tolist(), **both(name, loaded, tokens)}


def main():
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    for number in range(first, first + count):
        directory = folder / f"{number:03}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        try:
            reference = make(number, directory)
        except Exception as error:  # Whatever the library refuses is nothing to compare with.
            print(f"{number:03}: left out: {type(error).__name__}: {str(error)[:120]}", file=sys.stderr)
            shutil.rmtree(directory)
            continue
        (directory / "reference.json").write_text(json.dumps(reference))


if __name__ == "__main__":
    main()
