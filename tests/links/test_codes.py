"""QR codes, read back by a decoder that others wrote, from pixels and from a drawing that others render."""

import io
import subprocess

import zxingcpp
from origins import Origins, download
from PIL import Image
from receiving import call

LEVELS = ["L", "M", "Q", "H"]


def read(picture):
    """(text, level) of the one code on a picture."""
    [code] = zxingcpp.read_barcodes(picture.convert("L"))
    assert "QR" in str(code.format), code.format
    return code.text, code.ec_level


def rendered(drawing, side):
    """An SVG as librsvg draws it."""
    command = ["rsvg-convert", "--format", "png", "--width", str(side), "--height", str(side)]
    png = subprocess.run(command, input=drawing, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    return Image.open(io.BytesIO(png))


class Codes(Origins):
    def code(self, link, **query):
        """(content type, file)."""
        query = "&".join(f"{name}={value}" for name, value in query.items())
        headers, body = download(f"/api/v1/link/{link['id']}/qr?{query}")
        return headers["content-type"], body

    def test_a_png_of_any_size_and_level_reads_as_the_links_url(self):
        short, long = self.link(slug="q" + self.app[-6:]), self.link(slug="Q" + self.app[-6:] + "-" * 56)
        for link in (short, long):
            for size in (64, 128, 300, 512, 2048):
                for level in LEVELS:
                    kind, file = self.code(link, format="png", size=size, level=level)
                    self.assertEqual(kind, "image/png")
                    picture = Image.open(io.BytesIO(file))
                    self.assertLessEqual(picture.width, size)
                    self.assertEqual(read(picture), (link["url"], level), (size, level))

    def test_a_drawing_reads_as_the_links_url_however_it_is_rendered(self):
        link = self.link()
        for size, level, side in [(64, "L", 200), (512, "M", 512), (512, "Q", 97), (2048, "H", 1000)]:
            kind, file = self.code(link, size=size, level=level)
            self.assertEqual(kind.partition(";")[0], "image/svg+xml")
            self.assertEqual(read(rendered(file, side)), (link["url"], level), (size, level, side))

    def test_without_a_margin_it_still_reads_on_white_paper(self):
        link = self.link()
        for margin in (0, 1, 16):
            _, file = self.code(link, format="png", size=600, margin=margin)
            picture = Image.open(io.BytesIO(file)).convert("L")
            paper = Image.new("L", (picture.width + 200, picture.height + 200), 255)
            paper.paste(picture, (100, 100))
            self.assertEqual(read(paper)[0], link["url"], margin)

    def test_a_changed_slug_is_drawn_at_once(self):
        link = self.link()
        before = read(Image.open(io.BytesIO(self.code(link, format="png")[1])))[0]
        link = call("PATCH", f"/api/v1/link/{link['id']}", {"slug": "new" + self.app[-8:]})
        after = read(Image.open(io.BytesIO(self.code(link, format="png")[1])))[0]
        self.assertNotEqual(before, after)
        self.assertEqual(after, link["url"])
