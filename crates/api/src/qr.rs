//! QR codes (ISO/IEC 18004) of links, as SVG and PNG.
//!
//! **Invariant:** black on white, modules of whole pixels in a PNG, and a margin: what scanners expect.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};
use qrcodegen::{DataTooLong, QrCode, QrCodeEcc, QrSegment, Version};
use std::fmt::Write;

/// How much of a code may be unreadable: about 7, 15, 25 and 30 per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    L,
    M,
    Q,
    H,
}

impl Level {
    pub fn parse(text: &str) -> Option<Level> {
        Some(match text {
            "L" | "l" => Level::L,
            "M" | "m" => Level::M,
            "Q" | "q" => Level::Q,
            "H" | "h" => Level::H,
            _ => return None,
        })
    }
}

/// A code with its margin, to be drawn.
pub(crate) struct Drawing {
    code: QrCode,
    /// Modules of white on each side.
    margin: u32,
}

impl Drawing {
    pub fn new(text: &str, level: Level, margin: u32) -> Result<Drawing, DataTooLong> {
        let level = match level {
            Level::L => QrCodeEcc::Low,
            Level::M => QrCodeEcc::Medium,
            Level::Q => QrCodeEcc::Quartile,
            Level::H => QrCodeEcc::High,
        };
        let segments = QrSegment::make_segments(text);
        let code = QrCode::encode_segments_advanced(&segments, level, Version::MIN, Version::MAX, None, false)?;
        Ok(Drawing { code, margin })
    }

    /// Modules of a side, with the margin.
    fn modules(&self) -> u32 {
        self.code.size().unsigned_abs() + 2 * self.margin
    }

    /// Whether a module is black; `x` and `y` count from the margin's corner.
    fn is_dark(&self, x: u32, y: u32) -> bool {
        let at = |n: u32| i32::try_from(n).unwrap_or(i32::MAX).saturating_sub_unsigned(self.margin);
        self.code.get_module(at(x), at(y))
    }

    /// An image whose sides are `size` pixels unless it is scaled.
    pub fn svg(&self, size: u32) -> String {
        let n = self.modules();
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 {n} {n}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{n}v{n}H0z\"/><path d=\""
        );
        for y in 0..n {
            let mut x = 0;
            while x < n {
                let run = (x..n).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    // Writing to a string can't fail.
                    let _ = write!(out, "M{x} {y}h{run}v1h-{run}z");
                }
                x += u32::try_from(run).unwrap_or(n).max(1);
            }
        }
        out.push_str("\"/></svg>\n");
        out
    }

    /// An image whose sides are the most pixels up to `size` that give each module as many; one each at least.
    pub fn png(&self, size: u32) -> Result<Vec<u8>, EncodingError> {
        let n = self.modules();
        let scale = (size / n).max(1);
        let side = n * scale;
        let mut rows = Vec::new();
        for y in 0..n {
            let mut row = vec![0u8; side.div_ceil(8) as usize];
            for x in (0..side).filter(|x| !self.is_dark(x / scale, y)) {
                if let Some(byte) = row.get_mut((x / 8) as usize) {
                    *byte |= 0x80 >> (x % 8);
                }
            }
            (0..scale).for_each(|_| rows.extend_from_slice(&row));
        }
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, side, side);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
        encoder.set_compression(Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rows)?;
        writer.finish()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(text: &str, level: Level, margin: u32) -> Drawing {
        Drawing::new(text, level, margin).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The pixels of a PNG, `true` where it is white, and its side.
    fn pixels(file: &[u8]) -> (Vec<bool>, u32) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.color_type, info.bit_depth), (info.height, ColorType::Grayscale, BitDepth::One));
        let line = info.line_size;
        let bit = |x: u32, y: u32| bytes[y as usize * line + x as usize / 8] & (0x80 >> (x % 8)) != 0;
        let all = (0..info.height).flat_map(|y| (0..info.width).map(move |x| (x, y)));
        (all.map(|(x, y)| bit(x, y)).collect(), info.width)
    }

    #[test]
    fn a_png_has_whole_modules_and_the_margin_asked_for() {
        // Version 2: 25 modules.
        for (size, margin, side) in [(64, 4, 33), (66, 4, 66), (300, 4, 297), (300, 0, 300), (2048, 16, 1995)] {
            let code = drawing("http://localhost/l/abc2345", Level::M, margin);
            let (pixels, got) = pixels(&code.png(size).unwrap());
            assert_eq!(got, side, "{size} {margin}");
            let scale = side / (25 + 2 * margin);
            for y in 0..side {
                for x in 0..side {
                    let is_dark = code.is_dark(x / scale, y / scale);
                    assert_eq!(pixels[(y * side + x) as usize], !is_dark, "{x} {y}");
                    let in_margin = |at: u32| at / scale < margin || at / scale >= 25 + margin;
                    assert!(!is_dark || !(in_margin(x) || in_margin(y)), "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn an_svg_draws_each_black_module_once() {
        let code = drawing("http://localhost/l/abc2345", Level::Q, 3);
        let svg = code.svg(256);
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"256\" height=\"256\" viewBox=\"0 0 ")
        );
        let n = code.modules();
        let mut drawn = vec![0; (n * n) as usize];
        for run in svg.rsplit_once("d=\"").unwrap().1.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let at = y.parse::<u32>().unwrap() * n + x.parse::<u32>().unwrap();
            let len: u32 = rest.split_once('v').unwrap().0.parse().unwrap();
            (at..at + len).for_each(|i| drawn[i as usize] += 1);
        }
        for y in 0..n {
            for x in 0..n {
                assert_eq!(drawn[(y * n + x) as usize], i32::from(code.is_dark(x, y)), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_higher_level_is_larger_and_too_long_a_text_has_no_code() {
        let side = |level| drawing("https://go.example.com/l/some-slug-of-some-length", level, 0).modules();
        assert!(side(Level::L) < side(Level::Q) && side(Level::M) < side(Level::H));
        assert!(Drawing::new(&"x".repeat(2_953), Level::L, 4).is_ok());
        assert!(Drawing::new(&"x".repeat(2_954), Level::L, 4).is_err());
    }
}
