//! The workflow of the paper: a review only where it is needed, and a sync node that waits for it.

use caribou::prelude::*;
use serde::{Deserialize, Serialize};

/// What a client sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// The text to be spoken.
    pub text: String,
}

/// A text that may be spoken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Whether it holds a word that is not for everyone.
    pub needs_review: bool,
}

/// A spoken text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Speech {
    /// One sample per character.
    pub samples: Vec<u32>,
}

/// What listeners get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The samples, with those of censored words at 0.
    pub samples: Vec<u32>,
    /// How many spans were censored; `None` if nobody looked.
    pub censored: Option<usize>,
}

const PROFANITY: &str = "darn";

/// Refuses what cannot be spoken.
#[caribou::function(memory = 512, timeout = "10s")]
pub async fn validate(upload: Upload) -> Result<Document> {
    if upload.text.is_empty() {
        return Err(Error::permanent("there is no text to speak; send at least one character"));
    }
    let needs_review = upload.text.contains(PROFANITY);
    Ok(Document { text: upload.text, needs_review })
}

/// Speaks.
#[caribou::function]
pub async fn synthesize(text: String) -> Result<Speech> {
    Ok(Speech { samples: text.chars().map(u32::from).collect() })
}

/// Finds the words to censor, by position in characters.
#[caribou::function(regions(deny = ["us-west-1"]))]
pub async fn find_profanity(text: String) -> Result<Vec<(usize, usize)>> {
    let spans = text.match_indices(PROFANITY).map(|(at, word)| {
        let start = text[..at].chars().count();
        (start, start + word.chars().count())
    });
    Ok(spans.collect())
}

/// Silences the spans.
#[caribou::function]
pub async fn censor(speech: Speech, spans: Option<Vec<(usize, usize)>>) -> Result<Published> {
    let mut samples = speech.samples;
    for &(start, end) in spans.iter().flatten() {
        samples[start..end].fill(0);
    }
    Ok(Published { samples, censored: spans.map(|spans| spans.len()) })
}

/// The workflow.
#[caribou::workflow(version = "0.1.0")]
pub async fn text2speech_censoring(upload: Upload) -> Result<Published> {
    let document = validate(upload).await?;
    let speech = synthesize(document.text.clone()).await?;
    let spans = if document.needs_review { Some(find_profanity(document.text).await?) } else { None };
    censor(speech, spans).await
}
