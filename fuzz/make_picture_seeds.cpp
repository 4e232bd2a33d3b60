// Writes the seed corpus of fuzz_picture into the folder named by the only argument.
#include "tests/io/make_pictures.h"

using namespace forgedit;
using namespace forgedit::testing;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  const auto write = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  };

  auto png = small_png();
  png.exif = exif_block(6, true);
  write("rgb_exif.png", encode_png(png));
  png = small_png();
  png.interlaced = true;
  png.bit_depth = 16;
  png.colour_type = PNG_COLOR_TYPE_RGBA;
  png.rows = gradient(11, 9, 8);
  write("rgba16_interlaced.png", encode_png(png));
  png = small_png();
  png.bit_depth = 2;
  png.colour_type = PNG_COLOR_TYPE_PALETTE;
  png.palette = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  png.palette_alpha = {255, 128};
  png.rows = gradient(3, 9, 1);
  write("palette_alpha.png", encode_png(png));
  png = small_png();
  png.colour_type = PNG_COLOR_TYPE_GRAY;
  png.rows = gradient(11, 9, 1);
  char key[] = "Comment", value[] = "some text, some text, some text";
  for (const int compression : {PNG_TEXT_COMPRESSION_NONE, PNG_TEXT_COMPRESSION_zTXt,
                                PNG_ITXT_COMPRESSION_NONE, PNG_ITXT_COMPRESSION_zTXt}) {
    png_text text{};
    text.compression = compression;
    text.key = key;
    text.text = value;
    png.texts.push_back(text);
  }
  write("grey_texts.png", encode_png(png));

  auto jpeg = small_jpeg();
  jpeg.app1 = std::string("Exif\0\0", 6) + exif_block(5, false);
  write("rgb_exif.jpg", encode_jpeg(jpeg));
  jpeg = small_jpeg();
  jpeg.progressive = true;
  write("progressive.jpg", encode_jpeg(jpeg));
  jpeg = small_jpeg();
  jpeg.in_space = jpeg.file_space = JCS_CMYK;
  jpeg.adobe_marker = true;
  jpeg.pixels = gradient(20, 12, 4);
  write("cmyk.jpg", encode_jpeg(jpeg));
  jpeg = small_jpeg();
  jpeg.in_space = jpeg.file_space = JCS_GRAYSCALE;
  jpeg.pixels = gradient(20, 12, 1);
  write("grey.jpg", encode_jpeg(jpeg));

  const auto simple = encode_webp(20, 12, gradient(20, 12, 4));
  write("lossless.webp", simple);
  write("lossy.webp", encode_webp(20, 12, gradient(20, 12, 4), false));
  write("exif.webp", extended_webp(20, 12, 0x18, simple, riff_chunk("EXIF", exif_block(8, true))));
  return 0;
}
