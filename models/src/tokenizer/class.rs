//! Which tokenizer a directory asks for.

use viewless_protocols::model::Architecture;

use crate::error::ModelError;
use crate::fields::Fields;

/// A class of tokenizers in Hugging Face's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// BERT's WordPiece: lower-casing, accents and Chinese characters are options of `tokenizer_config.json`.
    Bert,
    /// BERT's WordPiece between `<s>` and `</s>`: MPNet's.
    Mpnet,
    /// RoBERTa's byte-level BPE between `<s>` and `</s>`; a space before the text is an option.
    Roberta,
    /// GPT-2's byte-level BPE; a space before the text is an option.
    Gpt2,
    /// A Unigram of sentence pieces between `<s>` and `</s>`: XLM-RoBERTa's, or CamemBERT's.
    Unigram(Pieces),
    /// Whatever `tokenizer.json` says.
    AsFile,
}

/// Whose tokenizer of sentence pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    XlmRoberta,
    Camembert,
}

impl Class {
    /// The class that `tokenizer_config.json` names, or that of the architecture where it names none.
    /// `model_type` is that of the model, if its file has one.
    pub(super) fn of(
        config: &Fields,
        architecture: Architecture,
        model_type: Option<&str>,
    ) -> Result<Self, ModelError> {
        let Some(name) = config.text("tokenizer_class")? else {
            match model_type {
                Some("xlm-roberta") => return Ok(Self::Unigram(Pieces::XlmRoberta)),
                Some("camembert") => return Ok(Self::Unigram(Pieces::Camembert)),
                Some(_) | None => {}
            }
            return Ok(match architecture {
                Architecture::Bert | Architecture::Distilbert | Architecture::Electra | Architecture::Vit => Self::Bert,
                Architecture::Roberta => Self::Roberta,
                Architecture::Gpt2 => Self::Gpt2,
                Architecture::Mpnet => Self::Mpnet,
            });
        };
        match name.strip_suffix("Fast").unwrap_or(name) {
            "BertTokenizer" | "DistilBertTokenizer" | "ElectraTokenizer" => Ok(Self::Bert),
            "RobertaTokenizer" => Ok(Self::Roberta),
            "MPNetTokenizer" => Ok(Self::Mpnet),
            "GPT2Tokenizer" => Ok(Self::Gpt2),
            "XLMRobertaTokenizer" => Ok(Self::Unigram(Pieces::XlmRoberta)),
            "CamembertTokenizer" => Ok(Self::Unigram(Pieces::Camembert)),
            "PreTrainedTokenizer" | "TokenizersBackend" => Ok(Self::AsFile),
            _ => Err(ModelError::UnknownTokenizer { file: config.file.clone(), class: name.to_owned() }),
        }
    }

    /// The token that the class has in a role where no file names one.
    pub(super) fn default_token(self, role: &str) -> Option<&'static str> {
        match (self, role) {
            (Self::Bert | Self::Mpnet, "unk_token") => Some("[UNK]"),
            (Self::Bert, "sep_token") => Some("[SEP]"),
            (Self::Bert, "pad_token") => Some("[PAD]"),
            (Self::Bert, "cls_token") => Some("[CLS]"),
            (Self::Bert, "mask_token") => Some("[MASK]"),
            (Self::Roberta | Self::Unigram(_) | Self::Mpnet, "bos_token" | "cls_token") => Some("<s>"),
            (Self::Roberta | Self::Unigram(_) | Self::Mpnet, "eos_token" | "sep_token") => Some("</s>"),
            (Self::Roberta | Self::Unigram(_), "unk_token") => Some("<unk>"),
            (Self::Roberta | Self::Unigram(_) | Self::Mpnet, "pad_token") => Some("<pad>"),
            (Self::Roberta | Self::Unigram(_) | Self::Mpnet, "mask_token") => Some("<mask>"),
            (Self::Gpt2, "unk_token" | "bos_token" | "eos_token") => Some("<|endoftext|>"),
            (Self::Bert | Self::Mpnet | Self::Roberta | Self::Gpt2 | Self::Unigram(_) | Self::AsFile, _) => None,
        }
    }
}
