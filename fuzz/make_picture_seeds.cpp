// Writes the seed corpus of fuzz_picture into the folder named by the only argument.
#include "tests/io/pictures/make_colours.h"
#include "tests/io/pictures/make_heif.h"
#include "tests/io/pictures/make_pictures.h"

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

  const auto p3 = saved(rgb_profile(kP3, "Display P3", cmsBuildGamma(nullptr, 2.2)));
  write("icc.png", with_chunks(encode_png(small_png()), iccp_chunk(p3)));
  write("chrm_gama.png",
        with_chunks(encode_png(small_png()), gama_chunk(100000) + chrm_chunk({31270, 32900, 68000, 32000,
                                                                              26500, 69000, 15000, 6000})));
  write("cicp.png", with_chunks(encode_png(small_png()), png_chunk("cICP", std::string("\x0c\x0d\0\1", 4))));
  write("icc_parts.jpg", with_icc(encode_jpeg(small_jpeg()), p3, 2));
  jpeg = small_jpeg();
  jpeg.in_space = jpeg.file_space = JCS_CMYK;
  jpeg.pixels = gradient(20, 12, 4);
  write("icc_cmyk.jpg", with_icc(encode_jpeg(jpeg), cmyk_profile()));
  write("icc.webp", extended_webp(20, 12, 0x20, "", riff_chunk("ICCP", p3) + simple.substr(12)));
  write("animated.webp",
        extended_webp(20, 12, 0x12, "",
                      riff_chunk("ANIM", std::string(6, '\0')) +
                          riff_chunk("ANMF", std::string("\0\0\0\0\0\0\x13\0\0\x0b\0\0\x10\0\0\0", 16) +
                                                 simple.substr(12))));
  const std::string xmp =
      "<x xmlns:r='r'><r:RDF><r:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' "
      "tiff:Orientation='6'/></r:RDF></x>";
  write("xmp.jpg", with_marker(encode_jpeg(small_jpeg()), '\xe1',
                               std::string("http://ns.adobe.com/xap/1.0/\0", 29) + xmp));
  for (const auto codec : {heif_compression_HEVC, heif_compression_AV1}) {
    HeifPicture picture;
    picture.codec = codec;
    picture.width = picture.height = 16;
    picture.rgba = gradient(16, 16, 4);
    picture.orientation = 6;
    picture.icc = codec == heif_compression_AV1 ? p3 : "";
    if (can_encode(codec))
      write(codec == heif_compression_AV1 ? "small.avif" : "small.heic", encode_heif(picture));
  }
  return 0;
}
