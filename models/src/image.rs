//! From a picture to the pixels that a model of images takes, as `preprocessor_config.json` says.
//!
//! A picture is brought to red, green and blue, resized to the model's square by bilinear interpolation over the area that each
//! new pixel covers (Pillow's `BILINEAR`; the two libraries differ by at most one level of 256, which a test holds), scaled,
//! and normalised by channel: (value * `rescale_factor` - mean) / std. Turning by EXIF tags is not done, as it is not there.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{ImageReader, RgbImage};
use ndarray::Array3;
use serde_json::Value;
use viewless_protocols::model::{Input, TransformerConfig};

use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::{self, MOST_PICTURE_BYTES, PREPROCESSOR_FILE};

/// Pillow's number of the bilinear filter.
const BILINEAR: u64 = 2;

/// Red, green and blue.
const CHANNELS: usize = 3;

/// How pixels are scaled, by channel.
#[derive(Debug, PartialEq)]
struct Preparation {
    factor: f64,
    mean: [f64; CHANNELS],
    deviation: [f64; CHANNELS],
}

/// Reads a PNG or JPEG picture as the model in `directory` takes it: `[3, size, size]`.
///
/// # Errors
/// A model of texts, or of other channels than red, green and blue; a preparation that is not supported; a file that is no
/// picture.
pub fn read_image(directory: &Path, config: &TransformerConfig, file: &Path) -> Result<Array3<f32>, ModelError> {
    let Input::Image { image_size, channels, .. } = config.input else { return Err(ModelError::NoImage) };
    if channels != CHANNELS {
        return Err(ModelError::ImageChannels { channels });
    }
    let preparation = Preparation::read(directory, image_size)?;
    let bytes = files::read(file, MOST_PICTURE_BYTES, "give a PNG or JPEG picture")?;
    let reader = ImageReader::new(Cursor::new(bytes));
    let unreadable = |reason: String| ModelError::Picture { file: file.to_owned(), reason };
    let reader = reader.with_guessed_format().map_err(|error| unreadable(error.to_string()))?;
    let picture = reader.decode().map_err(|error| unreadable(error.to_string()))?.into_rgb8();
    Ok(preparation.apply(&resize(&picture, image_size)))
}

fn resize(picture: &RgbImage, size: usize) -> RgbImage {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    imageops::resize(picture, size, size, FilterType::Triangle)
}

impl Preparation {
    /// Reads the file; what it does not name is as Hugging Face's ViT processor has it.
    fn read(directory: &Path, image_size: usize) -> Result<Self, ModelError> {
        const ADVICE: &str = "it says how pictures are prepared; publish the model with it";
        let fields = Fields::read(directory.join(PREPROCESSOR_FILE), ADVICE)?;
        let wanted = |field: &str, expected: &'static str, fits: &dyn Fn(&Value) -> bool| match fields.values.get(field)
        {
            Some(value) if !value.is_null() && !fits(value) => Err(fields.invalid(field, value, expected)),
            _ => Ok(()),
        };
        wanted("do_resize", "true: the model takes one size", &|value| value == true)?;
        wanted("do_center_crop", "false: pictures are not cropped", &|value| value == false)?;
        wanted("resample", "2, which is bilinear", &|value| value.as_u64() == Some(BILINEAR))?;
        let side = Some(image_size as u64);
        wanted("size", "`image_size` of `config.json`", &|value| match value {
            Value::Object(sides) => {
                ["height", "width"].iter().all(|name| sides.get(*name).map(Value::as_u64) == Some(side))
            }
            value => value.as_u64() == side,
        })?;
        let does = |field: &str| fields.values.get(field).is_none_or(|value| value != false);
        let factor = match fields.values.get("rescale_factor") {
            _ if !does("do_rescale") => 1.0,
            None => 1.0 / 255.0,
            Some(value) => value.as_f64().ok_or_else(|| fields.invalid("rescale_factor", value, "a number"))?,
        };
        let by_channel = |field: &str, default: f64| match fields.values.get(field) {
            Some(value) if does("do_normalize") => {
                let numbers =
                    value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
                let numbers = numbers.and_then(|numbers| <[f64; CHANNELS]>::try_from(numbers).ok());
                numbers.ok_or_else(|| fields.invalid(field, value, "a list of three numbers"))
            }
            _ => Ok([if does("do_normalize") { 0.5 } else { default }; CHANNELS]),
        };
        let (mean, deviation) = (by_channel("image_mean", 0.0)?, by_channel("image_std", 1.0)?);
        if deviation.iter().any(|deviation| *deviation <= 0.0) {
            return Err(fields.invalid("image_std", &fields.values["image_std"], "positive numbers"));
        }
        Ok(Self { factor, mean, deviation })
    }

    fn apply(&self, picture: &RgbImage) -> Array3<f32> {
        let (columns, rows) = picture.dimensions();
        Array3::from_shape_fn((CHANNELS, rows as usize, columns as usize), |(channel, row, column)| {
            let value = f64::from(picture.get_pixel(column as u32, row as u32).0[channel]) * self.factor;
            ((value - self.mean[channel]) / self.deviation[channel]) as f32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, small};
    use serde_json::json;
    use std::fs;
    use viewless_protocols::model::Architecture;

    /// The picture of `reference/resize.py`.
    fn picture() -> RgbImage {
        RgbImage::from_fn(30, 20, |x, y| {
            image::Rgb([(13 * x + 7 * y) % 256, (x * x + 3 * y) % 256, (9 * x + 5 * y) % 256].map(|value| value as u8))
        })
    }

    #[test]
    fn a_resized_picture_is_pillows_to_one_level() {
        let pinned: Value = serde_json::from_str(include_str!("../reference/resize.json")).unwrap();
        let theirs = pinned["pixels"].as_array().unwrap().iter().map(|value| value.as_i64().unwrap());
        let ours = resize(&picture(), 12);
        assert_eq!(theirs.len(), ours.as_raw().len());
        for (i, (ours, theirs)) in ours.as_raw().iter().zip(theirs).enumerate() {
            assert!((i64::from(*ours) - theirs).abs() <= 1, "{i}: {ours} {theirs}");
        }
    }

    #[test]
    fn a_file_is_read_resized_and_normalised_and_other_preparations_are_refused() {
        let config = small(Architecture::Vit);
        let directory = synthetic::temporary(&config);
        let file = directory.path().join("picture.png");
        picture().save(&file).unwrap();
        let read = || read_image(directory.path(), &config, &file);
        let prepare = |fields: Value| fs::write(directory.path().join(PREPROCESSOR_FILE), fields.to_string()).unwrap();
        fs::remove_file(directory.path().join(PREPROCESSOR_FILE)).unwrap();
        assert!(read().unwrap_err().to_string().contains(PREPROCESSOR_FILE));
        prepare(json!({}));
        let pixels = read().unwrap();
        assert_eq!(pixels.dim(), (3, 12, 12));
        let level = f64::from(resize(&picture(), 12).get_pixel(5, 4).0[1]);
        assert_eq!(pixels[[1, 4, 5]], ((level / 255.0 - 0.5) / 0.5) as f32);
        prepare(json!({"image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 3.0], "size": 12}));
        assert_eq!(read().unwrap()[[1, 4, 5]], ((level / 255.0 - 0.2) / 2.0) as f32);
        prepare(json!({"do_normalize": false, "do_rescale": false}));
        assert_eq!(read().unwrap()[[1, 4, 5]], level as f32);
        for (field, value) in [
            ("do_center_crop", json!(true)),
            ("resample", json!(3)),
            ("size", json!({"height": 12, "width": 13})),
            ("do_resize", json!(false)),
            ("image_std", json!([1.0, 0.0, 1.0])),
            ("image_mean", json!([1.0, 0.0])),
            ("rescale_factor", json!("1")),
        ] {
            prepare(json!({ field: value }));
            let error = read().unwrap_err().to_string();
            assert!(error.contains(field) && error.contains(PREPROCESSOR_FILE), "{error}");
        }
    }

    #[test]
    fn what_is_no_picture_for_the_model_is_refused_by_file() {
        let config = small(Architecture::Vit);
        let directory = synthetic::temporary(&config);
        let file = directory.path().join("picture.png");
        let read = |config: &TransformerConfig| read_image(directory.path(), config, &file).unwrap_err();
        assert!(matches!(read(&config), ModelError::MissingFile { .. }));
        fs::write(&file, "no picture").unwrap();
        let error = read(&config);
        assert!(matches!(error, ModelError::Picture { .. }) && error.to_string().contains("picture.png"), "{error}");
        assert!(matches!(read(&small(Architecture::Bert)), ModelError::NoImage));
        let input = Input::Image { image_size: 12, patch_size: 4, channels: 1 };
        assert!(matches!(read(&TransformerConfig { input, ..config }), ModelError::ImageChannels { channels: 1 }));
    }
}
