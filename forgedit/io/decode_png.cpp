#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/io/exif.h"
#include "forgedit/io/image_decode.h"

namespace forgedit {
namespace {

constexpr std::size_t kSignature = 8;
constexpr std::size_t kChunkHead = 8;    // length and type
constexpr std::size_t kChunkFrame = 12;  // these and the checksum
constexpr std::size_t kIhdrEnd = kSignature + 8 + 13;
constexpr png_alloc_size_t kMaxChunkBytes = 8 << 20;
// Deflate cannot shrink by more than 1032 to 1.
constexpr std::size_t kMaxDeflateRatio = 1032;

std::int64_t big_endian_32(std::string_view bytes, std::size_t position) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
  return value;
}

/// libpng allocates what a chunk claims to hold before it reads it, so every chunk must lie within the file.
void check_chunks(std::string_view bytes, const std::string& name) {
  for (std::size_t position = kSignature; bytes.size() - position >= kChunkHead;) {
    const auto size = static_cast<std::size_t>(big_endian_32(bytes, position));
    if (bytes.substr(position + 4, 4) == "IEND") return;
    if (size + kChunkFrame > bytes.size() - position) throw_truncated(name, "PNG");
    position += kChunkFrame + size;
  }
}

/// A libpng reader over memory. libpng reports errors by longjmp, so every call that may fail goes through
/// `run`, whose work must not hold objects with destructors.
class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (info_) png_set_read_fn(png_, this, on_read);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }

  template <class Work>
  void run(const std::string& name, const Work& work) {
    if (!info_) throw failure(name + ": no memory for the PNG reader");
    if (try_run(work)) return;
    if (ran_out_) throw_truncated(name, "PNG");
    throw_damaged(name, "PNG", message_);
  }

 private:
  template <class Work>
  bool try_run(const Work& work) {
    if (setjmp(png_jmpbuf(png_))) return false;
    work();
    return true;
  }

  static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof self->message_ - 1);
    png_longjmp(png, 1);
  }
  // Warnings concern side data such as colour profiles and text, not the pixels.
  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep to, std::size_t count) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (self->bytes_.size() - self->position_ < count) {
      self->ran_out_ = true;
      png_error(png, "end of file");
    }
    std::memcpy(to, self->bytes_.data() + self->position_, count);
    self->position_ += count;
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  bool ran_out_ = false;
  char message_[160] = {};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

/// Asks libpng for 8-bit RGBA whatever the file holds.
void request_rgba(png_structp png, png_infop info) {
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  const bool has_alpha =
      (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  if (!has_alpha) png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

}  // namespace

DecodedImage decode_png(std::string_view bytes, const std::string& name) {
  if (bytes.size() < kIhdrEnd) throw_truncated(name, "PNG");
  if (bytes.substr(12, 4) != "IHDR") throw_damaged(name, "PNG", "expected IHDR as the first chunk");
  const std::int64_t width = big_endian_32(bytes, 16);
  const std::int64_t height = big_endian_32(bytes, 20);
  check_image_size(width, height, name);
  check_chunks(bytes, name);

  PngReader reader(bytes);
  const png_structp png = reader.png();
  const png_infop info = reader.info();
  reader.run(name, [png, info] {
    png_set_chunk_malloc_max(png, kMaxChunkBytes);
    png_read_info(png, info);
  });
  // A header alone cannot make us allocate: the pixels must at least be possible in this many bytes.
  const std::size_t raw_bytes = png_get_rowbytes(png, info) * static_cast<std::size_t>(height);
  if (raw_bytes / kMaxDeflateRatio > bytes.size()) throw_truncated(name, "PNG");
  reader.run(name, [png, info] { request_rgba(png, info); });
  const auto stride = 4 * static_cast<std::size_t>(width);
  if (png_get_rowbytes(png, info) != stride) throw_damaged(name, "PNG", "unexpected pixel layout");

  DecodedImage decoded;
  decoded.image.width = static_cast<int>(width);
  decoded.image.height = static_cast<int>(height);
  decoded.image.pixels.resize(stride * static_cast<std::size_t>(height));
  std::vector<png_bytep> rows(static_cast<std::size_t>(height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = decoded.image.pixels.data() + y * stride;
  const png_bytepp row_pointers = rows.data();
  reader.run(name, [png, info, row_pointers] {
    png_read_image(png, row_pointers);
    png_read_end(png, info);
  });

  png_uint_32 exif_size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(png, info, &exif_size, &exif) && exif) {
    decoded.orientation = exif_orientation({reinterpret_cast<const char*>(exif), exif_size});
  }
  return decoded;
}

}  // namespace forgedit
