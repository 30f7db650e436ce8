//! Images of a model as a picture that people look at: rows of them, each pixel enlarged to a square.

use crate::error::ModelError;
use image::{ImageFormat, Rgb, RgbImage};
use ndarray::Array3;
use std::io::Cursor;

/// An image as levels from 0 to 255: `[channels, rows, columns]`, of 1 or 3 channels.
pub type Levels = Array3<u8>;

/// Pixels of a picture's longer side that an image is enlarged to, at least.
const LEAST_SIDE: usize = 128;
/// Pixels between two images.
const GAP: usize = 8;
/// The most pixels of a picture.
const MOST_PIXELS: usize = 1 << 26;

/// The levels of numbers from -1 to 1: the nearest to (x + 1) 127.5.
#[must_use]
pub fn levels(image: &Array3<f64>) -> Levels {
    image.mapv(|x| ((x + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8)
}

/// A PNG of rows of images, on white.
///
/// # Errors
/// No images, images of different shapes or of 2 channels, or more of them than a picture holds.
pub fn png_of_rows(rows: &[Vec<Levels>]) -> Result<Vec<u8>, ModelError> {
    let bad = |reason: String| ModelError::NoPicture { reason };
    let first = rows.iter().flatten().next().ok_or_else(|| bad("there are no images".to_owned()))?;
    let (channels, height, width) = first.dim();
    if ![1, 3].contains(&channels) || height * width == 0 {
        return Err(bad(format!("an image has {channels} channels, {height} rows and {width} columns")));
    }
    if rows.iter().flatten().any(|image| image.dim() != first.dim()) {
        return Err(bad("the images have different shapes".to_owned()));
    }
    let scale = LEAST_SIDE.div_ceil(height.max(width));
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    let side = |images: usize, pixels: usize| images.checked_mul(pixels * scale + GAP)?.checked_add(GAP);
    let sides = side(most, width).zip(side(rows.len(), height));
    let sides = sides.filter(|(x, y)| x.checked_mul(*y).is_some_and(|pixels| pixels <= MOST_PIXELS));
    let (columns, lines) = sides.ok_or_else(|| bad(format!("{most} by {} images are too many", rows.len())))?;
    let mut picture = RgbImage::from_pixel(columns as u32, lines as u32, Rgb([255; 3]));
    for (down, row) in rows.iter().enumerate() {
        for (across, image) in row.iter().enumerate() {
            let (left, top) = (GAP + across * (width * scale + GAP), GAP + down * (height * scale + GAP));
            for (y, x) in (0..height * scale).flat_map(|y| (0..width * scale).map(move |x| (y, x))) {
                let colour = [0, 1, 2].map(|channel| image[[channel.min(channels - 1), y / scale, x / scale]]);
                picture.put_pixel((left + x) as u32, (top + y) as u32, Rgb(colour));
            }
        }
    }
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|error| bad(error.to_string()))?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_of_a_row_is_a_square_of_its_colour_and_the_gaps_are_white() {
        let image = |level: u8| Levels::from_shape_fn((3, 2, 2), |(c, y, x)| level + (4 * c + 2 * y + x) as u8);
        let png = png_of_rows(&[vec![image(0), image(100)], vec![image(50)]]).unwrap();
        let read = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(read.dimensions(), (2 * 136 + 8, 2 * 136 + 8));
        let at = |x: u32, y: u32| read.get_pixel(x, y).0;
        assert_eq!([at(0, 0), at(7, 8), at(200, 200)], [[255; 3]; 3]);
        assert_eq!([at(8, 8), at(71, 71), at(72, 8), at(72, 135)], [[0, 4, 8], [0, 4, 8], [1, 5, 9], [3, 7, 11]]);
        assert_eq!([at(144, 8), at(8, 144)], [[100, 104, 108], [50, 54, 58]]);
    }

    #[test]
    fn grey_is_grey_levels_are_the_nearest_and_what_is_no_picture_is_refused() {
        let numbers = Array3::from_shape_vec((1, 1, 5), vec![-1.0, 1.0, 0.0, -7.0, f64::NAN]).unwrap();
        let grey = levels(&numbers);
        assert_eq!(grey.as_slice().unwrap(), [0, 255, 128, 0, 0]);
        let read = image::load_from_memory(&png_of_rows(&[vec![grey.clone()]]).unwrap()).unwrap().to_rgb8();
        assert_eq!(read.get_pixel(8 + 2 * 26, 8).0, [128; 3]);
        let (two, small) = (Levels::zeros((2, 1, 1)), Levels::zeros((1, 1, 1)));
        let many = vec![small.clone(); 1 << 12];
        for rows in [vec![], vec![vec![]], vec![vec![two]], vec![vec![small, grey]], vec![many.clone(), many]] {
            assert!(matches!(png_of_rows(&rows), Err(ModelError::NoPicture { .. })));
        }
    }
}
