//! What can be wrong with a model directory, with a text, and with a download.

mod fetch;

pub use fetch::FetchError;

use std::io;
use std::path::PathBuf;

use crate::dcvae::DcVaeError;
use thiserror::Error;
use viewless_protocols::model::config::ConfigError;

/// A model directory that cannot be used, or an input that does not fit the model.
#[derive(Debug, Error)]
pub enum ModelError {
    /// An autoencoder's directory.
    #[error(transparent)]
    Autoencoder(DcVaeError),
    /// A file of the directory is absent.
    #[error("`{file}` does not exist; {advice}")]
    MissingFile {
        /// The absent file.
        file: PathBuf,
        /// What would provide it.
        advice: &'static str,
    },
    /// A link that leads nowhere.
    #[error("`{link}` is a link to `{to}`, where nothing is; make what it leads to, or remove the link")]
    DanglingLink {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// A file in the place of a directory.
    #[error("`{path}` is {what}, and a model is a folder; give {}", match folder {
        Some(folder) => format!("`{}`", folder.display()),
        None => "the folder that has config.json, weights and tokenizer".to_owned(),
    })]
    NotADirectory {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// The directory that it lies in, if that is a model's.
        folder: Option<PathBuf>,
    },
    /// A file exists but cannot be read.
    #[error("cannot read `{file}`: {source}; check the path and its permissions")]
    Read {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A name of the directory that is no regular file.
    #[error("`{file}` is {kind}, not a file; put the model's file in its place")]
    NotAFile {
        /// The name.
        file: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A file that is larger than any that a published model has.
    #[error("`{file}` has {bytes} bytes, but at most {most_bytes} are read of such a file; it is not the model's")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        most_bytes: u64,
    },
    /// A pointer in the place of a large file.
    #[error("`{file}` is a pointer of Git LFS and not the file itself; run `git lfs pull` in the directory")]
    GitLfsPointer {
        /// The file.
        file: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{file}`: {source}; check the path, its permissions and the free space")]
    Write {
        /// The file.
        file: PathBuf,
        /// The operating system's or the encoder's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A JSON file does not parse.
    #[error("`{file}` is not valid JSON: {source}; download the file again")]
    Json {
        /// The file.
        file: PathBuf,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// A JSON file lacks a field.
    #[error("`{file}` lacks the field `{field}`; add it, or download the file again")]
    MissingField {
        /// The file.
        file: PathBuf,
        /// The absent field.
        field: String,
    },
    /// A field has a value that cannot be used.
    #[error("`{file}`: `{field}` is {value}, but must be {expected}")]
    InvalidField {
        /// The file.
        file: PathBuf,
        /// The field.
        field: String,
        /// Its value, as JSON.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A size under two names, with two values.
    #[error("`{file}`: `{field}` is {value} and its other name `{alias}` is {other}; leave one of them out")]
    TwoNames {
        /// The configuration file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value, as JSON.
        value: String,
        /// Its other name.
        alias: &'static str,
        /// The value of that, as JSON.
        other: String,
    },
    /// The model is of a family that is not built.
    #[error(
        "`{file}`: `model_type` is \"{model_type}\"; choose a model of type bert, roberta, xlm-roberta, camembert, distilbert, electra, gpt2, mpnet or vit"
    )]
    UnknownModelType {
        /// The configuration file.
        file: PathBuf,
        /// The model type found.
        model_type: String,
    },
    /// A class of models whose head is not built.
    #[error("`{file}`: `architectures` names \"{class}\", whose answer is not computed; built are {known}")]
    UnknownClass {
        /// The configuration file.
        file: PathBuf,
        /// The class found.
        class: String,
        /// The classes of the family, comma-separated.
        known: String,
    },
    /// The activation function has no protocol here.
    #[error(
        "`{file}`: `{field}` is \"{activation}\"; use a model with gelu, gelu_new, gelu_pytorch_tanh, gelu_python, relu, silu, quick_gelu or quad"
    )]
    UnknownActivation {
        /// The configuration file.
        file: PathBuf,
        /// The field that names it.
        field: &'static str,
        /// The activation found.
        activation: String,
    },
    /// The model asks for something that is not computed and would change its answer.
    #[error("`{file}`: `{field}` is {value}, but only {needed} is supported: {what} are left out, because {why}")]
    LeftOut {
        /// The configuration file.
        file: PathBuf,
        /// The field that asks for it.
        field: &'static str,
        /// Its value, as JSON.
        value: String,
        /// The value that it must have.
        needed: String,
        /// What is left out.
        what: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A key that asks for something which is not supported and would change the answer.
    #[error(
        "`{file}`: `{key}` is {value}, which asks for {what}; that is not supported, and the answer would be another"
    )]
    RefusedKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// Its value, as JSON.
        value: String,
        /// What it asks for.
        what: &'static str,
    },
    /// A file that would change the answer and is not read.
    #[error("`{file}` is {what}; that is not supported, and the answer would be another: use a model without")]
    RefusedFile {
        /// The file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A tensor that would change the answer and is not read.
    #[error("`{file}`: tensor `{tensor}` is part of {what}; that is not supported, and the answer would be another")]
    RefusedTensor {
        /// The weights.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// What it is part of.
        what: &'static str,
    },
    /// Sizes that no model can have.
    #[error("`{file}`: {source}")]
    Sizes {
        /// The configuration file.
        file: PathBuf,
        /// Which sizes, and why.
        source: ConfigError,
    },
    /// A sentence-transformers model pools in a way that is not supported.
    #[error(
        "`{file}`: unsupported pooling \"{pooling}\"; supported are cls, mean, max, mean_sqrt_len_tokens, weightedmean and lasttoken, and several of them"
    )]
    UnsupportedPooling {
        /// The pooling configuration.
        file: PathBuf,
        /// The modes switched on, comma-separated; "none" if there is none.
        pooling: String,
    },
    /// A sentence-transformers model has a step that is not supported.
    #[error(
        "`{file}`: module \"{module}\" is not supported in its place; only Transformer in the directory itself, Pooling, Dense behind it, Dropout, and Normalize at the end are"
    )]
    UnsupportedModule {
        /// `modules.json`.
        file: PathBuf,
        /// The type of the module.
        module: String,
    },

    /// A part of a vector of a model that gives none.
    #[error(
        "the model's answer is no pooled vector, so none of its numbers can be left out; use a sentence-transformers model"
    )]
    NotTruncated,
    /// A weights file is not a safetensors file, or is cut short.
    #[error("`{file}` is corrupt or truncated: {reason}; download it again")]
    CorruptWeights {
        /// The weights file.
        file: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A file of PyTorch before version 1.6, which is no archive.
    #[error(
        "`{file}` was written by PyTorch before version 1.6, in a format that is not read; load it in PyTorch and save it again, or as safetensors"
    )]
    OldPytorch {
        /// The weights file.
        file: PathBuf,
    },
    /// The index of several files says something else than the files.
    #[error(
        "`{file}` says that `{shard}` holds the tensor `{tensor}`, and the files disagree; download all of them again"
    )]
    IndexDisagrees {
        /// The index.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file in question.
        shard: String,
    },
    /// A file names another one outside its directory.
    #[error("`{file}` names `{named}`, which leads out of the model's directory; nothing outside it is read")]
    OutsideDirectory {
        /// The file.
        file: PathBuf,
        /// What it names.
        named: String,
    },
    /// A tensor that the model needs is absent.
    #[error(
        "`{file}` lacks the tensor `{tensor}` of shape {shape:?}; the weights do not belong to this configuration, so download both again"
    )]
    MissingTensor {
        /// The weights file.
        file: PathBuf,
        /// Hugging Face name of the tensor in a bare model.
        tensor: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// Two tensors of a file have the same name once the family's prefix is stripped.
    #[error(
        "`{file}` holds the tensor `{tensor}` twice, with and without the prefix `{prefix}` or under its old name; keep one of them"
    )]
    DuplicateTensor {
        /// The weights file.
        file: PathBuf,
        /// Hugging Face name of the tensor, without the prefix.
        tensor: String,
        /// The prefix.
        prefix: &'static str,
    },
    /// A tensor does not have the shape that the configuration implies.
    #[error(
        "`{file}`: tensor `{tensor}` has shape {found:?}, but the configuration implies {expected:?}; the two do not belong together, so download both again"
    )]
    WrongShape {
        /// The weights file.
        file: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Shape implied by the configuration.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// A tensor is stored in a number format that is not supported.
    #[error("`{file}`: tensor `{tensor}` has dtype {dtype}; convert the model to F64, F32, F16 or BF16")]
    UnsupportedDtype {
        /// The weights file.
        file: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// The safetensors name of the format.
        dtype: String,
    },
    /// A tensor holds an infinity or a NaN.
    #[error(
        "`{file}`: tensor `{tensor}` holds {value} at flat index {index}; no fixed-point number can represent it, so the file must be repaired or downloaded again"
    )]
    NonFinite {
        /// The weights file.
        file: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Row-major index of the first such element.
        index: usize,
        /// The element.
        value: f32,
    },

    /// `tokenizer.json` does not parse.
    #[error("`{file}` is not a usable tokenizer: {reason}; download it again")]
    Tokenizer {
        /// The tokenizer file.
        file: PathBuf,
        /// The parser's reason.
        reason: String,
    },
    /// The tokenizer puts no special tokens around a text, so its output is not what the model was trained on.
    #[error(
        "`{file}` adds no special tokens such as [CLS] and [SEP]; use the `tokenizer.json` that was published with the model"
    )]
    NoSpecialTokens {
        /// The tokenizer file.
        file: PathBuf,
    },
    /// A class of tokenizers that is not built.
    #[error(
        "`{file}`: `tokenizer_class` is \"{class}\"; BertTokenizer, DistilBertTokenizer, ElectraTokenizer, MPNetTokenizer, RobertaTokenizer, XLMRobertaTokenizer, CamembertTokenizer, GPT2Tokenizer and PreTrainedTokenizerFast are supported"
    )]
    UnknownTokenizer {
        /// `tokenizer_config.json`.
        file: PathBuf,
        /// The class found.
        class: String,
    },
    /// An option of the tokenizer that is not followed.
    #[error("`{file}`: `{option}` asks for {what}, which is not supported; use a model without")]
    TokenizerOption {
        /// `tokenizer_config.json`.
        file: PathBuf,
        /// The option.
        option: &'static str,
        /// What it asks for.
        what: &'static str,
    },
    /// A token that was added under another identifier than the library gives it.
    #[error(
        "`{file}`: the added token \"{token}\" should be number {wanted}, but the vocabulary makes it {found:?}; the files do not belong together"
    )]
    AddedToken {
        /// The file with the vocabulary.
        file: PathBuf,
        /// The token.
        token: String,
        /// The identifier that a file gives it.
        wanted: u32,
        /// The identifier that it has.
        found: Option<u32>,
    },
    /// A text that versions 4 and 5 of transformers split differently.
    #[error(
        "`{file}` and `tokenizer_config.json` disagree, and versions 4 and 5 of transformers give different tokens for this text; save the tokenizer again with the version that the model is used with"
    )]
    VersionsDisagree {
        /// The tokenizer file.
        file: PathBuf,
    },
    /// The tokenizer failed on a text.
    #[error("`{file}` cannot encode the text: {reason}; use the `tokenizer.json` that was published with the model")]
    Encode {
        /// The tokenizer file.
        file: PathBuf,
        /// The tokenizer's reason.
        reason: String,
    },

    /// A text for a model that is asked about images.
    #[error(
        "this model is asked about images, not texts; give it an image (it sees {image_size} x {image_size} pixels)"
    )]
    NoText {
        /// Pixels of a side.
        image_size: usize,
    },
    /// A file that is no picture.
    #[error("`{file}` is no picture that can be read: {reason}; give a PNG, JPEG or WebP file")]
    Picture {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A picture where a sheet of images is wanted.
    #[error(
        "`{file}` is no sheet of images with a side of {side} pixels: its rows have {columns} pixels, and those of such a sheet {side} times {side}; \
         give such a sheet or a folder of them, or leave the side of a sheet's images out (`sheet-side` of a recipe, --sheet-side)"
    )]
    NotASheet {
        /// The file.
        file: PathBuf,
        /// Pixels of its rows.
        columns: u32,
        /// The side that is asked for.
        side: usize,
    },
    /// A sheet of images where a picture is wanted.
    #[error(
        "`{file}` has {columns} x {rows} pixels: it looks like a sheet, each row of which is an image of {side} x {side}; read it with --sheet-side {side} \
         (`sheet-side` in a recipe), or cut an image out of it"
    )]
    Sheet {
        /// The file.
        file: PathBuf,
        /// Pixels of a row.
        columns: u32,
        /// Its rows.
        rows: u32,
        /// The side of a square image of so many pixels.
        side: u32,
    },
    /// A model of other channels than a picture has.
    #[error("this model takes images of {channels} channels, but a picture has 3, red, green and blue, or 1, grey")]
    ImageChannels {
        /// Numbers of a pixel.
        channels: usize,
    },
    /// A pair of texts for a model that cannot tell them apart.
    #[error("this model has {types} token types, and a pair of texts needs two; give it one text")]
    NoPair {
        /// Rows of the table of token types.
        types: usize,
    },
    /// A padding token in a text.
    #[error(
        "token {token} at position {position} is the model's padding, whose position and attention are others; leave it out of the text"
    )]
    Padding {
        /// The token.
        token: usize,
        /// Its index in the input.
        position: usize,
    },
    /// A text that does not begin with the token that the configuration has begin it.
    #[error(
        "`bos_token_id` and `pad_token_id` are both {padding}, but the text's first token is another, so its positions are counted otherwise; correct \
         `bos_token_id` in config.json"
    )]
    FirstIsNotPadding {
        /// The token.
        padding: usize,
    },
    /// Images that no picture can be made of.
    #[error("no picture can be made of the images: {reason}")]
    NoPicture {
        /// Why.
        reason: String,
    },
    /// An image for a model that is asked about texts.
    #[error("this model is asked about texts, not images; give it a text, or choose a model of images")]
    NoImage,
    /// An image of another shape than the model takes.
    #[error("an image of shape {found:?}, but the model takes {expected:?} (channels, rows, columns); scale it")]
    ImageShape {
        /// Channels, rows, columns.
        expected: [usize; 3],
        /// Those of the image.
        found: [usize; 3],
    },
    /// The text has no tokens of its own, or the list of tokens is empty.
    #[error("the input holds no tokens; give a text with at least one visible character")]
    NoTokens,
    /// A prompt that the model does not have.
    #[error("`{}` has no prompt `{prompt}`; {}", file.display(), if known.is_empty() { "it names none".to_owned() } else { format!("it has {}", known.join(", ")) })]
    UnknownPrompt {
        /// The file that would have it.
        file: PathBuf,
        /// The name asked for.
        prompt: String,
        /// The names that it has.
        known: Vec<String>,
    },
    /// The input is longer than the position table.
    #[error(
        "the input has {tokens} tokens, special tokens included, but the model takes at most {max_positions}; shorten the text"
    )]
    TooManyTokens {
        /// Tokens of the input.
        tokens: usize,
        /// Rows of the position embedding table.
        max_positions: usize,
    },
    /// A text so long that its tokens are not even counted.
    #[error("the text has {bytes} bytes, but the model takes at most {max_positions} tokens; shorten the text")]
    TextTooLong {
        /// Bytes of the text, and of the one that it makes a pair with.
        bytes: usize,
        /// Rows of the position embedding table.
        max_positions: usize,
    },
    /// A token identifier has no row in the word embedding table.
    #[error(
        "token {token} at position {position} is outside the vocabulary of {vocab_size} tokens; encode the text with the model's own tokenizer"
    )]
    TokenOutOfVocabulary {
        /// The identifier.
        token: u32,
        /// Its index in the input.
        position: usize,
        /// Rows of the word embedding table.
        vocab_size: usize,
    },
    /// A synthetic model was asked for with fewer tokens than there are special tokens.
    #[error(
        "a synthetic tokenizer needs `vocab_size` of at least {least}, but the configuration says {vocab_size}; enlarge it"
    )]
    VocabularyTooSmall {
        /// The size asked for.
        vocab_size: usize,
        /// The number of special tokens.
        least: usize,
    },
}
