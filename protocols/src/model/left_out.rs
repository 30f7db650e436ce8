//! What of the published models is not computed, as data: what it is, why leaving it out is right or what it means, and which
//! fields of `config.json` switch it.
//!
//! A directory whose fields ask for something that would change the answer is refused by whoever reads it, which walks this
//! list; a field that changes nothing here is read by nobody.

use super::architecture::Architecture;
use super::architecture::Architecture::{Bert, Distilbert, Electra, Gpt2, Mpnet, Roberta, Vit};

/// Something that is not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is.
    pub what: &'static str,
    /// Why leaving it out changes no answer, or what it means.
    pub why: &'static str,
    /// Whose it is.
    pub architectures: &'static [Architecture],
    /// What becomes of a model that has it.
    pub effect: Effect,
}

/// What becomes of a model that has something which is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its answer is the same without: these fields of `config.json` are not read.
    Same(&'static [&'static str]),
    /// It is computed without, and there is no way to ask for it: the answer is one of several that the published code offers.
    NotOffered,
    /// Its answer would be another, so it is refused unless each of these fields has this value, or is absent and has it by
    /// default.
    Refused(&'static [(&'static str, Needed)]),
}

/// The value that a field of `config.json` must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// This truth value.
    Bool(bool),
    /// This text.
    Text(&'static str),
    /// This whole number.
    Number(u64),
}

const TEXT: &[Architecture] = &[Bert, Roberta, Distilbert, Electra, Gpt2, Mpnet];

/// The whole list.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        what: "dropout of hidden states, embeddings and classifiers",
        why: "it is the identity outside training",
        architectures: &Architecture::ALL,
        effect: Effect::Same(&[
            "hidden_dropout_prob",
            "classifier_dropout",
            "dropout",
            "seq_classif_dropout",
            "qa_dropout",
            "embd_pdrop",
            "resid_pdrop",
            "summary_first_dropout",
            "summary_last_dropout",
        ]),
    },
    LeftOut {
        what: "dropout of attention weights",
        why: "it is the identity outside training",
        architectures: &Architecture::ALL,
        effect: Effect::Same(&["attention_probs_dropout_prob", "attention_dropout", "attn_pdrop"]),
    },
    LeftOut {
        what: "initial weights",
        why: "weights come from the file",
        architectures: &Architecture::ALL,
        effect: Effect::Same(&["initializer_range", "sinusoidal_pos_embds"]),
    },
    LeftOut {
        what: "the cache of keys and values",
        why: "one query is one pass over all its tokens; a cache changes the cost of a second token, not the answer",
        architectures: &[Bert, Roberta, Electra, Gpt2],
        effect: Effect::Same(&["use_cache"]),
    },
    LeftOut {
        what: "scores in higher precision",
        why: "it is a matter of half-precision training; fixed point has one precision",
        architectures: &[Gpt2],
        effect: Effect::Same(&["reorder_and_upcast_attn"]),
    },
    LeftOut {
        what: "chunks of the feed-forward block",
        why: "they save memory and compute the same",
        architectures: &[Bert, Roberta, Distilbert, Electra, Mpnet, Vit],
        effect: Effect::Same(&["chunk_size_feed_forward"]),
    },
    LeftOut {
        what: "decoder of images",
        why: "it belongs to pre-training by masked images",
        architectures: &[Vit],
        effect: Effect::Same(&["encoder_stride"]),
    },
    LeftOut {
        what: "padding and its mask",
        why: "sequences are not padded: all sequences of a batch have the same length, so every token takes part",
        architectures: TEXT,
        effect: Effect::NotOffered,
    },
    LeftOut {
        what: "generation of more than one token",
        why: "the answer is the logits of the next token; the client chooses it and asks again",
        architectures: &[Gpt2],
        effect: Effect::NotOffered,
    },
    LeftOut {
        what: "other heads: next sentence, pre-training, multiple choice, images masked in part",
        why: "they do not compute what the body computes, so a class of models that is not built is refused by its name",
        architectures: &Architecture::ALL,
        effect: Effect::NotOffered,
    },
    LeftOut {
        what: "images of another size than the position table's",
        why: "positions would have to be interpolated; the client scales its image instead",
        architectures: &[Vit],
        effect: Effect::NotOffered,
    },
    LeftOut {
        what: "relative positions",
        why: "they add a product with a table to every score; only absolute positions are built",
        architectures: &[Bert, Roberta, Electra],
        effect: Effect::Refused(&[("position_embedding_type", Needed::Text("absolute"))]),
    },
    LeftOut {
        what: "tables of distances of another size",
        why: "the published code knows where each of 32 rows begins, and of no other number",
        architectures: &[Mpnet],
        effect: Effect::Refused(&[("relative_attention_num_buckets", Needed::Number(32))]),
    },
    LeftOut {
        what: "causal attention of an encoder",
        why: "only GPT-2 is built as a decoder",
        architectures: &[Bert, Roberta, Electra],
        effect: Effect::Refused(&[("is_decoder", Needed::Bool(false))]),
    },
    LeftOut {
        what: "attention to another model's output",
        why: "one model is asked, without an encoder beside it",
        architectures: &[Bert, Roberta, Electra, Gpt2],
        effect: Effect::Refused(&[("add_cross_attention", Needed::Bool(false))]),
    },
    LeftOut {
        what: "other scales of attention scores",
        why: "scores are divided by the square root of a head's width, in every layer alike",
        architectures: &[Gpt2],
        effect: Effect::Refused(&[
            ("scale_attn_weights", Needed::Bool(true)),
            ("scale_attn_by_inverse_layer_idx", Needed::Bool(false)),
        ]),
    },
    LeftOut {
        what: "projections without bias",
        why: "every linear layer that is built has one",
        architectures: &[Vit],
        effect: Effect::Refused(&[("qkv_bias", Needed::Bool(true))]),
    },
    LeftOut {
        what: "poolers with another activation",
        why: "the pooler's activation is tanh",
        architectures: &[Vit],
        effect: Effect::Refused(&[("pooler_act", Needed::Text("tanh"))]),
    },
];

/// What is left out of an architecture.
pub fn left_out(architecture: Architecture) -> impl Iterator<Item = &'static LeftOut> {
    LEFT_OUT.iter().filter(move |entry| entry.architectures.contains(&architecture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_entry_says_why_and_no_field_is_listed_twice() {
        let mut fields = BTreeSet::new();
        for entry in LEFT_OUT {
            assert!(!entry.what.is_empty() && !entry.why.is_empty() && !entry.architectures.is_empty());
            let own: Vec<&str> = match entry.effect {
                Effect::Same(fields) => fields.to_vec(),
                Effect::Refused(fields) => fields.iter().map(|(field, _)| *field).collect(),
                Effect::NotOffered => Vec::new(),
            };
            own.into_iter().for_each(|field| assert!(fields.insert(field), "{field} is listed twice"));
        }
    }

    #[test]
    fn dropout_is_left_out_of_every_architecture() {
        for architecture in Architecture::ALL {
            assert_eq!(left_out(architecture).filter(|entry| entry.what.contains("dropout")).count(), 2);
        }
    }
}
