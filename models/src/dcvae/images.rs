//! Many images at once, to learn from or to be judged by: a picture, a folder of pictures, or sheets, as CIFAR-10 is published as a package.

use crate::error::ModelError;
use crate::files::read_error;
use crate::image::{prepared, read_picture};
use image::DynamicImage;
use ndarray::Array3;
use std::fs;
use std::path::{Path, PathBuf};

/// Images that are read at most.
const MOST_IMAGES: usize = 1 << 20;

/// Images of one shape, each number from -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// Channels, rows and columns.
    pub shape: [usize; 3],
    /// Image after image, each `[channels, rows, columns]`.
    pub pixels: Vec<f32>,
    /// What was resized, if anything was.
    pub resized: Option<Resized>,
}

/// Images that had another size than is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resized {
    /// How many.
    pub images: usize,
    /// Where the first of them stands.
    pub file: PathBuf,
    /// Columns and rows of the first.
    pub pixels: [u32; 2],
}

impl Images {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixels.len() / self.elements()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Numbers of an image.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// An image as an array of its shape.
    #[must_use]
    pub fn array(&self, number: usize) -> Array3<f64> {
        let [_, rows, columns] = self.shape;
        let pixels = self.image(number);
        Array3::from_shape_fn(self.shape, |(c, y, x)| f64::from(pixels[(c * rows + y) * columns + x]))
    }

    /// The numbers of an image.
    #[must_use]
    pub fn image(&self, number: usize) -> &[f32] {
        &self.pixels[number * self.elements()..(number + 1) * self.elements()]
    }
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// A picture, or a folder of them; of a folder, the files whose names end in .png, in the order of the names.
    pub path: &'a Path,
    /// Channels of an image: 1 or 3.
    pub channels: usize,
    /// Rows and columns of an image; others are resized to them.
    pub side: usize,
    /// Where pictures are sheets: the side of the images of which each row of a sheet holds one, pixel after pixel.
    pub sheet_side: Option<usize>,
    /// Of more images, the first ones.
    pub most: usize,
}

/// Reads images.
///
/// # Errors
/// No image at all; a file that is no picture, or no sheet of such images, or one that is a sheet where none is meant.
pub fn read_images(wanted: &Wanted<'_>) -> Result<Images, ModelError> {
    let Wanted { path, channels, side, sheet_side, most } = *wanted;
    let most = most.min(MOST_IMAGES);
    let mut images = Images { shape: [channels, side, side], pixels: Vec::new(), resized: None };
    for file in files(path)? {
        let picture = read_picture(&file)?;
        let left = most.saturating_sub(images.len());
        let singles = match sheet_side {
            None => vec![no_sheet(&file, picture)?],
            Some(sheet_side) => rows(&file, &picture, sheet_side, left)?,
        };
        for picture in singles.iter().take(left) {
            let pixels = [picture.width(), picture.height()];
            if pixels.map(|edge| edge as usize) != [side, side] {
                images.resized.get_or_insert_with(|| Resized { images: 0, file: file.clone(), pixels }).images += 1;
            }
            images.pixels.extend(prepared(&file, picture, channels, side)?);
        }
    }
    match images.is_empty() {
        true => Err(ModelError::NoPicture { reason: format!("{} holds none that ends in .png", path.display()) }),
        false => Ok(images),
    }
}

/// The pictures of a folder, or the one.
fn files(path: &Path) -> Result<Vec<PathBuf>, ModelError> {
    if let Err(source) = fs::metadata(path) {
        return Err(read_error(path, "give a folder of PNG files, or a PNG, JPEG or WebP picture", source));
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ModelError::Read { file: path.to_owned(), source };
    let entries = fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_png = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(is_png).collect();
    files.sort();
    Ok(files)
}

/// So much longer than wide, or wider than long, is no picture that anybody would have as a square.
const LONGEST: u32 = 4;

/// Refuses what looks like a sheet: its rows are as long as a square image has pixels, and it has much more or fewer of them than a square has.
fn no_sheet(file: &Path, picture: DynamicImage) -> Result<DynamicImage, ModelError> {
    let (columns, rows) = (picture.width(), picture.height());
    let side = columns.isqrt();
    let is_long = rows > columns.saturating_mul(LONGEST) || columns > rows.saturating_mul(LONGEST);
    match side * side == columns && side > 1 && is_long {
        true => Err(ModelError::Sheet { file: file.to_owned(), columns, rows, side }),
        false => Ok(picture),
    }
}

/// The images of a sheet, one in each row of it.
fn rows(file: &Path, sheet: &DynamicImage, side: usize, most: usize) -> Result<Vec<DynamicImage>, ModelError> {
    let width = side.checked_mul(side).and_then(|width| u32::try_from(width).ok());
    if width != Some(sheet.width()) || side == 0 {
        return Err(ModelError::NotASheet { file: file.to_owned(), columns: sheet.width(), side });
    }
    let pixels = sheet.to_rgb8();
    let image = |row: u32| {
        let at = |x, y| *pixels.get_pixel(y * side as u32 + x, row);
        DynamicImage::ImageRgb8(image::RgbImage::from_fn(side as u32, side as u32, at))
    };
    Ok((0..sheet.height()).take(most).map(image).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    #[test]
    fn a_sheet_and_a_folder_of_its_images_are_the_same_images() {
        let folder = tempfile::tempdir().unwrap();
        let level = |image: u32, x: u32, y: u32| Rgb([image as u8, (16 * x) as u8, (16 * y) as u8]);
        let sheet = RgbImage::from_fn(64, 3, |at, image| level(image, at % 8, at / 8));
        let path = folder.path().join("sheet.png");
        sheet.save(&path).unwrap();
        let singles = folder.path().join("singles");
        fs::create_dir(&singles).unwrap();
        for image in 0..3 {
            RgbImage::from_fn(8, 8, |x, y| level(image, x, y)).save(singles.join(format!("{image}.PNG"))).unwrap();
        }
        fs::write(singles.join("notes.txt"), "no picture").unwrap();
        let read =
            |path: &Path, sheet_side, most| read_images(&Wanted { path, channels: 3, side: 8, sheet_side, most });
        let of_sheet = read(&path, Some(8), 9).unwrap();
        assert_eq!(of_sheet, read(&singles, None, 9).unwrap());
        assert_eq!((of_sheet.len(), of_sheet.elements(), read(&path, Some(8), 2).unwrap().len()), (3, 192, 2));
        // Green of the pixel in row 5, column 3 of the third image.
        let green = of_sheet.image(2)[64 + 5 * 8 + 3];
        assert!((green - (48.0 / 127.5 - 1.0)).abs() < 1e-6, "{green}");
        assert_eq!(
            read_images(&Wanted { path: &path, channels: 3, side: 4, sheet_side: Some(8), most: 3 }).unwrap().shape,
            [3, 4, 4]
        );
        for (path, side) in [(&path, Some(7)), (&path, Some(0)), (&path, Some(usize::MAX))] {
            assert!(read(path, side, 9).unwrap_err().to_string().contains("sheet"));
        }
        let tall = folder.path().join("tall.png");
        RgbImage::from_fn(64, 300, |_, _| Rgb([1, 2, 3])).save(&tall).unwrap();
        assert!(read(&tall, None, 9).unwrap_err().to_string().contains("--sheet-side 8"));
        assert_eq!(read(&tall, Some(8), 999).unwrap().len(), 300);
        let photo = folder.path().join("photo.png");
        RgbImage::from_fn(64, 48, |_, _| Rgb([1, 2, 3])).save(&photo).unwrap();
        let resized = Resized { images: 1, file: photo.clone(), pixels: [64, 48] };
        assert_eq!((read(&photo, None, 9).unwrap().resized, of_sheet.resized), (Some(resized), None));
        fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(matches!(read(&folder.path().join("empty"), None, 9), Err(ModelError::NoPicture { .. })));
    }
}
