#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two above before it.
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/io/exif.h"
#include "forgedit/io/image_decode.h"

namespace forgedit {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
// Files of a few kilobytes can hold thousands of empty scans, each as costly as the whole picture.
constexpr int kMaxScans = 200;
// Huffman codes spend at least a bit on each block of 8x8 pixels.
constexpr std::size_t kMaxPixelsPerByte = 8 * 64;

/// A libjpeg reader over memory. libjpeg reports errors by longjmp, so every call that may fail goes through
/// `run`, whose work must not hold objects with destructors.
class JpegReader {
 public:
  explicit JpegReader(std::string_view bytes) : bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    jpeg_.client_data = this;
  }
  // libjpeg allows destroying a structure that was only zeroed.
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  jpeg_decompress_struct& jpeg() { return jpeg_; }

  void read_header(const std::string& name) {
    run(name, [this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.progress = &progress_;
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
      jpeg_save_markers(&jpeg_, kExifMarker, 0xffff);
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

  /// libjpeg fills missing data with grey and merely warns; here that is an error. Warnings about stray
  /// bytes between markers and odd headers stay harmless, as many cameras write such files.
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
        break;
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

/// One row from libjpeg's layout (RGB, or CMYK with 255 for no ink) to opaque RGBA.
void row_to_rgba(const JSAMPLE* from, bool cmyk, std::size_t width, std::uint8_t* to) {
  for (std::size_t x = 0; x < width; ++x, from += cmyk ? 4 : 3, to += 4) {
    for (int c = 0; c < 3; ++c) {
      // (1 - ink) * (1 - black), in the rounding that Pillow uses.
      const int value = cmyk ? from[3] - multiply_255(255 - from[c], from[3]) : from[c];
      to[c] = static_cast<std::uint8_t>(value);
    }
    to[3] = 255;
  }
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (auto* marker = jpeg.marker_list; marker; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    // APP1 also carries XMP, which has another prefix.
    if (marker->marker == kExifMarker && data.substr(0, 4) == "Exif") return exif_orientation(data);
  }
  return 1;
}

}  // namespace

DecodedImage decode_jpeg(std::string_view bytes, const std::string& name) {
  JpegReader reader(bytes);
  reader.read_header(name);
  jpeg_decompress_struct& jpeg = reader.jpeg();
  check_image_size(jpeg.image_width, jpeg.image_height, name);
  // A header alone cannot make us allocate. Arithmetic codes have no such bound; browsers do not read them
  // either.
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
  decoded.orientation = orientation_of(jpeg);
  decoded.image.width = static_cast<int>(jpeg.image_width);
  decoded.image.height = static_cast<int>(jpeg.image_height);
  decoded.image.pixels.resize(4 * width * jpeg.image_height);
  std::vector<JSAMPLE> buffer((cmyk ? 4 : 3) * width);
  JSAMPLE* const row = buffer.data();
  std::uint8_t* const pixels = decoded.image.pixels.data();
  reader.run(name, [&jpeg, row, pixels, width, cmyk] {
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      const std::size_t y = jpeg.output_scanline;
      JSAMPROW rows[1] = {row};
      jpeg_read_scanlines(&jpeg, rows, 1);
      row_to_rgba(row, cmyk, width, pixels + 4 * width * y);
    }
    jpeg_finish_decompress(&jpeg);
  });
  return decoded;
}

}  // namespace forgedit
