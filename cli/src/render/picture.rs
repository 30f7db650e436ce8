//! Pictures as files: an SVG as it is, or drawn as a PNG with a font of our own, so that it looks alike on every system.

use crate::error::CliError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::path::Path;
use std::sync::Arc;

/// The format of a picture, by the ending of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As text, scalable.
    Svg,
    /// Pixels.
    Png,
}

/// Pixels for each unit of the SVG.
const SCALE: f32 = 2.0;

impl Format {
    /// What a file's name asks for.
    ///
    /// # Errors
    /// [`CliError::PlotFormat`] for any other ending.
    pub fn of(path: &Path) -> Result<Self, CliError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(CliError::PlotFormat { path: path.to_owned() }),
        }
    }

    /// The file's contents.
    ///
    /// # Errors
    /// [`CliError::Picture`] for an SVG that cannot be drawn: a defect.
    pub fn contents(self, svg: &str) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Svg => Ok(svg.as_bytes().to_vec()),
            Self::Png => png(svg).map_err(|reason| CliError::Picture { reason }),
        }
    }
}

fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    for font in [dejavu::sans::regular(), dejavu::sans::bold()] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("the picture has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("the picture has no size")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_decides_the_format_and_others_are_refused() {
        assert_eq!(Format::of(Path::new("a/b.svg")).unwrap(), Format::Svg);
        assert_eq!(Format::of(Path::new("b.PNG")).unwrap(), Format::Png);
        for other in ["b.gif", "b", ".svg", "png"] {
            assert!(matches!(Format::of(Path::new(other)), Err(CliError::PlotFormat { .. })), "{other}");
        }
    }

    /// Letters are drawn: with a text there is ink where there was none without.
    #[test]
    fn a_png_has_the_text_of_its_svg() {
        let picture = |text: &str| {
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\" font-family=\"Helvetica, sans-serif\">\
                 <rect width=\"40\" height=\"20\" fill=\"#ffffff\"/><text x=\"2\" y=\"15\" fill=\"#000000\">{text}</text></svg>"
            );
            let png = Format::Png.contents(&svg).unwrap();
            assert!(png.starts_with(b"\x89PNG"));
            let pixels = Pixmap::decode_png(&png).unwrap();
            assert_eq!((pixels.width(), pixels.height()), (80, 40));
            pixels.pixels().iter().filter(|pixel| pixel.red() < 128).count()
        };
        assert_eq!(picture(""), 0);
        assert!(picture("1e-3") > 50);
        assert!(matches!(Format::Png.contents("no picture"), Err(CliError::Picture { .. })));
    }
}
