//! From a picture to the pixels that a model of images takes, as `preprocessor_config.json` says.
//!
//! 1. The picture is turned as its EXIF tag says, and brought to red, green and blue; for a model of one channel to
//!    (19595 red + 38470 green + 7471 blue) / 65536, which is Pillow's grey.
//! 2. It is resized by bilinear, bicubic or Lanczos interpolation over the area that each new pixel covers: to a size, or until its shortest
//!    edge has one (Pillow's filters; the two libraries differ by at most one level of 256, which a test holds).
//! 3. The middle is cut out, if asked for.
//! 4. Numbers are scaled and normalised by channel: (value * `rescale_factor` - mean) / std.

use std::io::Cursor;
use std::path::Path;

use image::imageops::FilterType;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader};
use ndarray::Array3;
use serde_json::Value;
use viewless_protocols::model::{Input, TransformerConfig};

use crate::error::ModelError;
use crate::fields::Fields;
use crate::files::{self, MOST_PICTURE_BYTES, PREPROCESSOR_FILE};

/// Longest side of a resized picture: its shortest edge may be asked for, and a picture may be very long.
const MOST_PIXELS: u64 = 1 << 14;

/// How a picture becomes pixels.
#[derive(Debug, PartialEq)]
struct Preparation {
    resize: Option<Resize>,
    filter: FilterType,
    /// Rows and columns of the middle.
    crop: Option<[u32; 2]>,
    factor: f64,
    /// By channel.
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// The size that a picture is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resize {
    /// Rows and columns.
    To(u32, u32),
    /// Pixels of the shorter side; the other follows.
    ShortestEdge(u32),
}

/// Reads a picture as the model in `directory` takes it: `[channels, size, size]`.
///
/// # Errors
/// A model of texts, or of another number of channels than 1 or 3; a preparation that is not supported, or that does not lead to
/// the model's size; a file that is no picture.
pub fn read_image(directory: &Path, config: &TransformerConfig, file: &Path) -> Result<Array3<f32>, ModelError> {
    let Input::Image { image_size, channels, .. } = config.input else { return Err(ModelError::NoImage) };
    if channels != 1 && channels != 3 {
        return Err(ModelError::ImageChannels { channels });
    }
    let preparation = Preparation::read(directory, channels)?;
    let unreadable = |reason: String| ModelError::Picture { file: file.to_owned(), reason };
    let pixels = preparation.apply(&read_picture(file)?, channels).map_err(unreadable)?;
    let (expected, (a, b, c)) = ([channels, image_size, image_size], pixels.dim());
    if expected == [a, b, c] { Ok(pixels) } else { Err(ModelError::ImageShape { expected, found: [a, b, c] }) }
}

/// Reads a picture as an autoencoder takes it: `[channels, side, side]`, resized by bilinear interpolation, each level v as v / 127.5 - 1. Gives the
/// picture's own rows and columns, too.
///
/// # Errors
/// Another number of channels than 1 or 3; a file that is no picture.
pub fn read_square(file: &Path, channels: usize, side: usize) -> Result<(Array3<f64>, [u32; 2]), ModelError> {
    let picture = read_picture(file)?;
    let pixels = prepared(file, &picture, channels, side)?;
    Ok((pixels.mapv(f64::from), [picture.height(), picture.width()]))
}

/// A picture of a file as an autoencoder takes it.
pub(crate) fn prepared(
    file: &Path,
    picture: &DynamicImage,
    channels: usize,
    side: usize,
) -> Result<Array3<f32>, ModelError> {
    if channels != 1 && channels != 3 {
        return Err(ModelError::ImageChannels { channels });
    }
    let unreadable = |reason: String| ModelError::Picture { file: file.to_owned(), reason };
    let edge = u32::try_from(side).map_err(|_| unreadable(format!("no picture has {side} rows")))?;
    let preparation = Preparation {
        resize: Some(Resize::To(edge, edge)),
        filter: FilterType::Triangle,
        crop: None,
        factor: 1.0 / 255.0,
        mean: vec![0.5; channels],
        deviation: vec![0.5; channels],
    };
    preparation.apply(picture, channels).map_err(unreadable)
}

/// Refuses a file that is no picture, whatever model it is for.
///
/// # Errors
/// A file that cannot be read, or that is no picture.
pub fn check_image(file: &Path) -> Result<(), ModelError> {
    read_picture(file).map(drop)
}

/// Reads a picture as it is.
pub(crate) fn read_picture(file: &Path) -> Result<DynamicImage, ModelError> {
    let bytes = files::read(file, MOST_PICTURE_BYTES, "give a PNG, JPEG or WebP picture")?;
    decode(bytes).map_err(|reason| ModelError::Picture { file: file.to_owned(), reason })
}

/// A picture, turned as its EXIF tag says.
fn decode(bytes: Vec<u8>) -> Result<DynamicImage, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    match decoder.color_type() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        other => return Err(format!("its pixels are {other:?}, and only those of 8 bits are read alike everywhere")),
    }
    let turned = decoder.orientation().map_err(|error| error.to_string())?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    picture.apply_orientation(turned);
    Ok(picture)
}

impl Preparation {
    /// Reads the file; what it does not name is as Hugging Face's ViT processor has it.
    fn read(directory: &Path, channels: usize) -> Result<Self, ModelError> {
        const ADVICE: &str = "it says how pictures are prepared; publish the model with it";
        let fields = Fields::read(directory.join(PREPROCESSOR_FILE), ADVICE)?;
        let does = |field: &str, default: bool| Ok(fields.bool(field)?.unwrap_or(default));
        let filter = match fields.get("resample").map(|value| (value, value.as_u64())) {
            None | Some((_, Some(2))) => FilterType::Triangle,
            Some((_, Some(3))) => FilterType::CatmullRom,
            Some((_, Some(1))) => FilterType::Lanczos3,
            Some((value, _)) => {
                return Err(fields.invalid("resample", value, "1, 2 or 3: Lanczos, bilinear or bicubic"));
            }
        };
        let resize = if does("do_resize", true)? { Some(resize_of(&fields)?) } else { None };
        let crop = match does("do_center_crop", false)? {
            false => None,
            true => match sides(&fields, "crop_size")? {
                Some(Resize::To(rows, columns)) => Some([rows, columns]),
                Some(Resize::ShortestEdge(_)) | None => {
                    let value = fields.get("crop_size").cloned().unwrap_or_default();
                    return Err(fields.invalid("crop_size", &value, "a height and a width"));
                }
            },
        };
        let factor = match fields.get("rescale_factor") {
            _ if !does("do_rescale", true)? => 1.0,
            None => 1.0 / 255.0,
            Some(value) => value.as_f64().ok_or_else(|| fields.invalid("rescale_factor", value, "a number"))?,
        };
        let normalizes = does("do_normalize", true)?;
        let by_channel = |field: &str, default: f64| match fields.get(field) {
            Some(value) if normalizes => {
                let numbers = match value {
                    Value::Array(list) => list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>(),
                    value => value.as_f64().map(|number| vec![number; channels]),
                };
                let numbers = numbers.filter(|numbers| numbers.len() == channels);
                numbers.ok_or_else(|| fields.invalid(field, value, "a list of a number for each channel"))
            }
            _ => Ok(vec![if normalizes { 0.5 } else { default }; channels]),
        };
        let (mean, deviation) = (by_channel("image_mean", 0.0)?, by_channel("image_std", 1.0)?);
        if deviation.iter().any(|deviation| *deviation <= 0.0) {
            return Err(fields.invalid("image_std", &fields.values["image_std"], "positive numbers"));
        }
        Ok(Self { resize, filter, crop, factor, mean, deviation })
    }

    fn apply(&self, picture: &DynamicImage, channels: usize) -> Result<Array3<f32>, String> {
        let mut picture = picture.clone();
        let (width, height) = (picture.width(), picture.height());
        if let Some(resize) = self.resize {
            let (rows, columns) = resize.of(height, width).ok_or("it is too long for its width")?;
            picture = DynamicImage::ImageRgb8(picture.to_rgb8()).resize_exact(columns, rows, self.filter);
        }
        if let Some([rows, columns]) = self.crop {
            if picture.height() < rows || picture.width() < columns {
                return Err(format!("it is smaller than the {rows} x {columns} pixels that are cut out of it"));
            }
            let (top, left) = ((picture.height() - rows) / 2, (picture.width() - columns) / 2);
            picture = picture.crop_imm(left, top, columns, rows);
        }
        let picture = picture.to_rgb8();
        let (columns, rows) = picture.dimensions();
        Ok(Array3::from_shape_fn((channels, rows as usize, columns as usize), |(channel, row, column)| {
            let [red, green, blue] = picture.get_pixel(column as u32, row as u32).0;
            let value = match channels {
                1 => grey([red, green, blue]),
                _ => [red, green, blue][channel],
            };
            let value = f64::from(value) * self.factor;
            ((value - self.mean[channel]) / self.deviation[channel]) as f32
        }))
    }
}

/// Pillow's grey of a pixel.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue) + 0x8000) >> 16) as u8
}

impl Resize {
    /// Rows and columns of a picture of so many.
    fn of(self, height: u32, width: u32) -> Option<(u32, u32)> {
        match self {
            Self::To(rows, columns) => Some((rows, columns)),
            Self::ShortestEdge(size) => {
                let (short, long) = (u64::from(height.min(width)).max(1), u64::from(height.max(width)));
                let longer = (u64::from(size) * long / short).min(MOST_PIXELS + 1);
                let longer = u32::try_from(longer).ok().filter(|&longer| u64::from(longer) <= MOST_PIXELS)?;
                Some(if height <= width { (size, longer) } else { (longer, size) })
            }
        }
    }
}

/// The size that the file asks for; the published code's where it names none.
fn resize_of(fields: &Fields) -> Result<Resize, ModelError> {
    Ok(sides(fields, "size")?.unwrap_or(Resize::To(224, 224)))
}

/// A size as a number or as an object of sides.
fn sides(fields: &Fields, field: &str) -> Result<Option<Resize>, ModelError> {
    let Some(value) = fields.get(field) else { return Ok(None) };
    let bad = || fields.invalid(field, value, "a size of 1 to 16384 pixels, as height and width or as shortest edge");
    let side = |value: &Value| {
        let side = value.as_u64().filter(|side| (1..=MOST_PIXELS).contains(side));
        side.and_then(|side| u32::try_from(side).ok()).ok_or_else(bad)
    };
    match value {
        Value::Object(sides) => match (sides.get("height"), sides.get("width"), sides.get("shortest_edge")) {
            (Some(rows), Some(columns), None) if sides.len() == 2 => Ok(Some(Resize::To(side(rows)?, side(columns)?))),
            (None, None, Some(edge)) if sides.len() == 1 => Ok(Some(Resize::ShortestEdge(side(edge)?))),
            _ => Err(bad()),
        },
        value => side(value).map(|side| Some(Resize::To(side, side))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, small};
    use image::RgbImage;
    use serde_json::json;
    use std::fs;
    use viewless_protocols::model::Architecture;
    use viewless_protocols::model::TransformerDraft;

    /// The picture of `reference/resize.py`.
    fn picture() -> RgbImage {
        RgbImage::from_fn(30, 20, |x, y| {
            image::Rgb([(13 * x + 7 * y) % 256, (x * x + 3 * y) % 256, (9 * x + 5 * y) % 256].map(|value| value as u8))
        })
    }

    fn resize(picture: &RgbImage, size: u32) -> RgbImage {
        DynamicImage::ImageRgb8(picture.clone()).resize_exact(size, size, FilterType::Triangle).into_rgb8()
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
        prepare(json!({"size": 12}));
        let pixels = read().unwrap();
        assert_eq!(pixels.dim(), (3, 12, 12));
        let level = f64::from(resize(&picture(), 12).get_pixel(5, 4).0[1]);
        assert_eq!(pixels[[1, 4, 5]], ((level / 255.0 - 0.5) / 0.5) as f32);
        prepare(json!({"image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 3.0], "size": 12}));
        assert_eq!(read().unwrap()[[1, 4, 5]], ((level / 255.0 - 0.2) / 2.0) as f32);
        prepare(json!({"do_normalize": false, "do_rescale": false, "size": 12}));
        assert_eq!(read().unwrap()[[1, 4, 5]], level as f32);
        for (field, value) in [
            ("do_center_crop", json!("yes")),
            ("crop_size", json!({"height": 12})),
            ("resample", json!(0)),
            ("size", json!({"height": 12, "longest_edge": 13})),
            ("size", json!(1 << 20)),
            ("image_std", json!([1.0, 0.0, 1.0])),
            ("image_mean", json!([1.0, 0.0])),
            ("rescale_factor", json!("1")),
        ] {
            prepare(
                json!({ field: value, "do_center_crop": if field == "crop_size" { json!(true) } else { json!(false) } }),
            );
            if field == "do_center_crop" {
                prepare(json!({ field: value }));
            }
            let error = read().unwrap_err().to_string();
            assert!(error.contains(field) && error.contains(PREPROCESSOR_FILE), "{error}");
        }
        for wrong in [json!({"size": {"height": 12, "width": 13}}), json!({"do_resize": false}), json!({})] {
            prepare(wrong);
            assert!(matches!(read().unwrap_err(), ModelError::ImageShape { .. }));
        }
    }

    #[test]
    fn the_shortest_edge_is_resized_and_the_middle_cut_out() {
        let config = small(Architecture::Vit);
        let directory = synthetic::temporary(&config);
        let file = directory.path().join("picture.png");
        picture().save(&file).unwrap();
        let fields = json!({"size": {"shortest_edge": 14}, "do_center_crop": true, "crop_size": 12, "resample": 3,
            "do_normalize": false, "do_rescale": false});
        fs::write(directory.path().join(PREPROCESSOR_FILE), fields.to_string()).unwrap();
        let pixels = read_image(directory.path(), &config, &file).unwrap();
        // 30 x 20 becomes 21 x 14, of which 4 columns at the left and 1 row at the top are cut off.
        let resized = DynamicImage::ImageRgb8(picture()).resize_exact(21, 14, FilterType::CatmullRom).into_rgb8();
        assert_eq!(pixels[[2, 3, 5]], f32::from(resized.get_pixel(5 + 4, 3 + 1).0[2]));
    }

    #[test]
    fn a_model_of_one_channel_sees_pillows_grey() {
        let config = small(Architecture::Vit);
        let input = Input::Image { image_size: 12, patch_size: 4, channels: 1 };
        let config = TransformerDraft { input, ..config.draft() }.check().unwrap();
        let directory = synthetic::temporary(&config);
        let file = directory.path().join("picture.png");
        picture().save(&file).unwrap();
        let fields = json!({"size": 12, "do_normalize": false, "do_rescale": false});
        fs::write(directory.path().join(PREPROCESSOR_FILE), fields.to_string()).unwrap();
        let pixels = read_image(directory.path(), &config, &file).unwrap();
        assert_eq!(pixels.dim(), (1, 12, 12));
        let [red, green, blue] = resize(&picture(), 12).get_pixel(5, 4).0.map(f64::from);
        assert!((f64::from(pixels[[0, 4, 5]]) - (0.299 * red + 0.587 * green + 0.114 * blue)).abs() <= 0.51);
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
        let input = Input::Image { image_size: 12, patch_size: 4, channels: 2 };
        assert!(matches!(
            read(&TransformerDraft { input, ..config.draft() }.check().unwrap()),
            ModelError::ImageChannels { channels: 2 }
        ));
    }
}
