#include "forgedit/io/pictures/picture_format.h"

#include <algorithm>
#include <cstddef>

#include "forgedit/io/pictures/png_chunks.h"

namespace forgedit {
namespace {

using std::string_view;

bool has_at(string_view bytes, std::size_t position, string_view what) {
  return bytes.size() >= position + what.size() && bytes.substr(position, what.size()) == what;
}

template <std::size_t n>
bool is_one_of(string_view word, const string_view (&words)[n]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

constexpr string_view kAvifBrands[] = {"avif", "avis"};
constexpr string_view kHeicBrands[] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"};

/// HEIC or AVIF by the brands in the ftyp box: the major one, else any compatible one.
PictureFormat heif_format(string_view file) {
  if (!has_at(file, 4, "ftyp")) return PictureFormat::other;
  const std::size_t end = std::min<std::size_t>(big_endian_32(file, 0), file.size());
  // The four bytes after the major brand are a version.
  for (std::size_t at = 8; at + 4 <= std::max<std::size_t>(end, 12); at += at == 8 ? 8 : 4) {
    const string_view brand = file.substr(at, 4);
    if (is_one_of(brand, kAvifBrands)) return PictureFormat::avif;
    if (is_one_of(brand, kHeicBrands)) return PictureFormat::heic;
  }
  // Files with these brands name no codec; the decoder finds it in the contents.
  return is_one_of(file.substr(8, 4), {"mif1", "mif2", "msf1", "miaf"}) ? PictureFormat::heic
                                                                        : PictureFormat::other;
}

struct Sign {
  std::size_t position;
  string_view bytes;
  string_view format;
};

constexpr string_view kRaw = "a camera's raw format";
constexpr Sign kSigns[] = {
    {0, "GIF87a", "GIF"},
    {0, "GIF89a", "GIF"},
    {8, "CR\2", kRaw},  // Canon: a TIFF with a mark
    {0, string_view("II*\0", 4), "TIFF (or a camera's raw format)"},
    {0, string_view("MM\0*", 4), "TIFF (or a camera's raw format)"},
    {0, string_view("II+\0", 4), "TIFF"},
    {0, string_view("MM\0+", 4), "TIFF"},
    {0, "FUJIFILMCCD-RAW", kRaw},
    {0, "IIRO", kRaw},
    {0, "IIRS", kRaw},
    {0, "MMOR", kRaw},
    {0, string_view("IIU\0", 4), kRaw},
    {0, "FOVb", kRaw},
    {4, "ftypcrx ", kRaw},
    {0, "II\xbc", "JPEG XR"},
    {0, "8BPS", "PSD"},
    {0, "8BPB", "PSB"},
    {0, "gimp xcf", "XCF"},
    {4, "JXL \r\n", "JPEG XL"},
    {0, "\xff\x0a", "JPEG XL"},
    {4, "jP  \r\n", "JPEG 2000"},
    {0, "\xff\x4f\xff\x51", "JPEG 2000"},
    {0, "\xff\xd8\xff\xf7", "JPEG-LS"},
    {0, "\x8aMNG", "MNG"},
    {0, "\x8bJNG", "JNG"},
    {0, "BPG\xfb", "BPG"},
    {0, "qoif", "QOI"},
    {0, "farbfeld", "farbfeld"},
    {0, "\x76\x2f\x31\x01", "OpenEXR"},
    {0, "#?RADIANCE", "Radiance HDR"},
    {0, "DDS ", "DDS"},
    {0, "%PDF", "PDF"},
    {0, "%!PS", "PostScript"},
    {0, "\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"},
    {4, "ftyp", "a video or another file of the MP4 family"},
    {4, "moov", "a video (QuickTime)"},
    {0, string_view("\0\0\1\0", 4), "ICO"},
};

/// SVG and HTML are texts, recognised by their first tag after declaration and comments.
string_view text_format(string_view file) {
  string_view start = file.substr(0, 4096);
  const std::size_t first = start.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == string_view::npos || start[first] != '<') return {};
  start.remove_prefix(first);
  if (start.find("<svg") != string_view::npos) return "SVG";
  for (const string_view tag : {"<!DOCTYPE html", "<!doctype html", "<html", "<HTML"}) {
    if (start.find(tag) != string_view::npos) return "a web page (HTML)";
  }
  return {};
}

bool is_netpbm(string_view file) {
  return file.size() >= 3 && file[0] == 'P' && file[1] >= '1' && file[1] <= '7' &&
         (file[2] == '\n' || file[2] == ' ' || file[2] == '\r' || file[2] == '\t');
}

}  // namespace

PictureFormat picture_format(string_view file) {
  if (has_at(file, 0, kPngMagic)) return PictureFormat::png;
  if (has_at(file, 0, "\xff\xd8\xff") && !has_at(file, 3, "\xf7")) return PictureFormat::jpeg;
  if (has_at(file, 0, "RIFF") && has_at(file, 8, "WEBP")) return PictureFormat::webp;
  return heif_format(file);
}

string_view unread_format(string_view file) {
  for (const Sign& sign : kSigns) {
    if (has_at(file, sign.position, sign.bytes)) return sign.format;
  }
  // Two letters are weak evidence, so the reserved field of a bitmap header must be zero as well.
  if (has_at(file, 0, "BM") && has_at(file, 6, string_view("\0\0\0\0", 4))) return "BMP";
  if (is_netpbm(file)) return "Netpbm";
  return text_format(file);
}

}  // namespace forgedit
