#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two headers above before it. jerror.h comes after it, because some codes depend on it.
#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <memory>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/colour.h"
#include "forgedit/io/pictures/exif.h"
#include "forgedit/io/pictures/image_decode.h"

namespace forgedit {
namespace {

constexpr int kMetadataMarker = JPEG_APP0 + 1;        // EXIF and XMP
constexpr int kProfileMarker = JPEG_APP0 + 2;         // ICC profile, in parts
constexpr std::string_view kExifPrefix("Exif\0", 5);  // and a byte that some writers do not set to 0
constexpr std::string_view kXmpPrefix("http://ns.adobe.com/xap/1.0/\0", 29);
constexpr std::string_view kProfilePrefix("ICC_PROFILE\0", 12);
constexpr Chromaticities kAdobeRgb = {0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06};
constexpr double kAdobeGamma = 2.19921875;
// Files of a few kilobytes can contain thousands of empty scans, each as slow as the whole picture.
constexpr int kMaxScans = 200;
// Huffman coding uses at least one bit for each block of 8x8 pixels.
constexpr std::size_t kMaxPixelsPerByte = 8 * 64;

/// A libjpeg reader for a file in memory. libjpeg reports errors by longjmp, so every call that may fail goes
/// through `run`, whose work must not hold objects with destructors.
class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) : bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    jpeg_.client_data = this;
  }
  // libjpeg can destroy a structure that is all zeros.
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  jpeg_decompress_struct& jpeg() { return jpeg_; }
  /// Whether the file ended before an end marker. The picture may still be complete.
  bool ran_out() const { return ran_out_; }

  void read_header(const std::string& name) {
    run(name, [this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.progress = &progress_;
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
      jpeg_save_markers(&jpeg_, kMetadataMarker, 0xffff);
      jpeg_save_markers(&jpeg_, kProfileMarker, 0xffff);
      jpeg_read_header(&jpeg_, TRUE);
    });
  }

  template <class Work>
  void run(const std::string& name, const Work& work) {
    if (try_run(work)) return;
    if (ran_out_) throw_truncated(name, "JPEG");
    throw_damaged(name, "JPEG", message_);
  }

 private:
  template <class Work>
  bool try_run(const Work& work) {
    if (setjmp(jump_)) return false;
    work();
    return true;
  }

  static JpegReader& self(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, self(jpeg).message_);
    std::longjmp(self(jpeg).jump_, 1);
  }

  /// libjpeg fills missing data with grey and only warns; here that is an error. Warnings about extra bytes
  /// between markers and odd headers are ignored, because many cameras write such files. So is the end of the
  /// file by itself, because missing rows have their own warnings.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
      case JWRN_ADOBE_XFORM:
      case JWRN_BOGUS_ICC:
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_JFIF_MAJOR:
      case JWRN_TOO_MUCH_DATA:
        return;
      case JWRN_JPEG_EOF:
        self(jpeg).ran_out_ = true;
        return;
      default:
        break;
    }
    on_error(jpeg);
  }

  static void on_progress(j_common_ptr jpeg) {
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
    std::snprintf(self(jpeg).message_, JMSG_LENGTH_MAX, "more than %d scans", kMaxScans);
    std::longjmp(self(jpeg).jump_, 1);
  }

  std::string_view bytes_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX] = {};
  bool ran_out_ = false;
};

int multiply_255(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

/// Converts one row of libjpeg (RGB, or CMYK with 255 for no ink) to opaque RGBA.
void row_to_rgba(const JSAMPLE* from, bool cmyk, std::size_t width, std::uint8_t* to) {
  for (std::size_t x = 0; x < width; ++x, from += cmyk ? 4 : 3, to += 4) {
    for (int c = 0; c < 3; ++c) {
      // (1 - ink) * (1 - black), rounded as Pillow does.
      const int value = cmyk ? from[3] - multiply_255(255 - from[c], from[3]) : from[c];
      to[c] = static_cast<std::uint8_t>(value);
    }
    to[3] = 255;
  }
}

/// The contents, without `prefix`, of the first marker of this kind that begins with `prefix`.
std::string_view find_marker(const jpeg_decompress_struct& jpeg, int kind, std::string_view prefix) {
  for (auto* marker = jpeg.marker_list; marker; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker == kind && data.substr(0, prefix.size()) == prefix) return data.substr(prefix.size());
  }
  return {};
}

bool has_marker(const jpeg_decompress_struct& jpeg, int kind, std::string_view prefix) {
  return find_marker(jpeg, kind, prefix).data() != nullptr;
}

ToSrgb conversion_of(JpegReader& reader, const ColourSource& source, std::string_view exif) {
  jpeg_decompress_struct& jpeg = reader.jpeg();
  if (has_marker(jpeg, kProfileMarker, kProfilePrefix)) {
    JOCTET* profile = nullptr;
    unsigned int size = 0;
    reader.run(source.name, [&] { jpeg_read_icc_profile(&jpeg, &profile, &size); });
    const std::unique_ptr<JOCTET, decltype(&std::free)> owner(profile, &std::free);
    if (profile) return icc_to_srgb({reinterpret_cast<const char*>(profile), size}, source);
    source.notes.push_back(unusable_profile(source.name, "is damaged"));
    return {};
  }
  if (jpeg.num_components == 3 && exif_says_adobe_rgb(exif)) {
    return gamma_to_srgb(kAdobeRgb, kAdobeGamma, source);
  }
  return {};
}

/// Whether a file without an end marker lacks parts of the picture that libjpeg fills in without a warning:
/// whole scans of a channel, or scans that refine it.
bool lacks_scans(const jpeg_decompress_struct& jpeg) {
  for (int c = 0; c < jpeg.num_components; ++c) {
    if (!jpeg.comp_info[c].quant_table) return true;  // set by a channel's first scan
    if (!jpeg.coef_bits) continue;
    for (int k = 0; k < DCTSIZE2; ++k) {
      if (jpeg.coef_bits[c][k] != 0) return true;
    }
  }
  return false;
}

/// Decodes all rows into opaque RGBA. Rows of CMYK are converted by `to_srgb` if it is set.
void read_rows(jpeg_decompress_struct& jpeg, JSAMPLE* row, bool cmyk, const ToSrgb& to_srgb,
               std::uint8_t* pixels) {
  const std::size_t width = jpeg.image_width;
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* const to = pixels + 4 * width * jpeg.output_scanline;
    JSAMPROW rows[1] = {row};
    jpeg_read_scanlines(&jpeg, rows, 1);
    row_to_rgba(row, cmyk, width, to);
    if (cmyk && to_srgb) to_srgb.convert(row, to, width);
  }
}

}  // namespace

DecodedImage decode_jpeg(std::string_view bytes, const std::string& name, std::int64_t max_pixels) {
  JpegReader reader(bytes);
  reader.read_header(name);
  jpeg_decompress_struct& jpeg = reader.jpeg();
  check_image_size(jpeg.image_width, jpeg.image_height, name, max_pixels);
  // Without this limit, a header alone could demand a large allocation. Arithmetic coding has no such limit;
  // browsers do not support it either.
  if (jpeg.arith_code) throw failure(name + ": a JPEG with arithmetic coding, expected Huffman coding");
  const std::size_t pixel_count = std::size_t{jpeg.image_width} * jpeg.image_height;
  if (pixel_count / kMaxPixelsPerByte > bytes.size()) throw_truncated(name, "JPEG");
  const int channels = jpeg.num_components;
  if (channels != 1 && channels != 3 && channels != 4) {
    throw_damaged(name, "JPEG", std::to_string(channels) + " colour channels, expected 1, 3 or 4");
  }
  // Programs that write CMYK follow Adobe and store it inverted, with or without Adobe's marker.
  const bool cmyk = channels == 4;
  jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  const std::size_t width = jpeg.image_width;

  DecodedImage decoded;
  RgbaImage& image = decoded.image;
  std::string_view exif = find_marker(jpeg, kMetadataMarker, kExifPrefix);
  exif.remove_prefix(std::min<std::size_t>(exif.size(), 1));
  decoded.orientation = orientation_of(exif, find_marker(jpeg, kMetadataMarker, kXmpPrefix));
  const PixelLayout layout = cmyk            ? PixelLayout::cmyk8
                             : channels == 1 ? PixelLayout::grey8
                                             : PixelLayout::rgba8;
  const ToSrgb to_srgb = conversion_of(reader, {name, layout, image.notes}, exif);
  image.width = static_cast<int>(jpeg.image_width);
  image.height = static_cast<int>(jpeg.image_height);
  image.pixels.resize(4 * width * jpeg.image_height);
  std::vector<JSAMPLE> buffer((cmyk ? 4 : 3) * width);
  JSAMPLE* const row = buffer.data();
  std::uint8_t* const pixels = image.pixels.data();
  bool lacks = false;
  reader.run(name, [&jpeg, row, pixels, cmyk, &reader, &to_srgb, &lacks] {
    jpeg_start_decompress(&jpeg);
    read_rows(jpeg, row, cmyk, to_srgb, pixels);
    lacks = reader.ran_out() && lacks_scans(jpeg);
    jpeg_finish_decompress(&jpeg);
  });
  if (lacks) throw_truncated(name, "JPEG");
  if (reader.ran_out()) {
    image.notes.push_back(name + ": the JPEG has no end marker; all of its rows are there");
  }
  if (to_srgb && !cmyk) to_srgb.convert(pixels, pixels, image.pixels.size() / 4);
  return decoded;
}

}  // namespace forgedit
