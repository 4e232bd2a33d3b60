#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/exif.h"
#include "forgedit/io/pictures/image_decode.h"
#include "forgedit/io/pictures/png_chunks.h"
#include "forgedit/io/pictures/png_traits.h"

namespace forgedit {
namespace {

constexpr std::size_t kIhdrEnd = 8 + 8 + 13;
constexpr png_alloc_size_t kMaxChunkBytes = 8 << 20;
// A deflate stream expands to at most 1032 times its size.
constexpr std::size_t kMaxDeflateRatio = 1032;

/// libpng allocates the claimed size of a chunk before it reads it, so every chunk must be inside the file.
void check_chunks(std::string_view bytes, const std::string& name) {
  constexpr std::size_t kHead = 8;
  for (std::size_t position = kPngMagic.size(); bytes.size() - position >= kHead;) {
    const auto chunk = next_png_chunk(bytes, position);
    if (!chunk) throw_truncated(name, "PNG");
    if (chunk->type == "IEND") return;
  }
}

/// A libpng reader for a file in memory. libpng reports errors by longjmp, so every call that may fail goes
/// through `run`, whose work must not hold objects with destructors.
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
  // Warnings concern metadata such as colour profiles and text, not the pixels.
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

/// Makes libpng return RGBA for any file, with 16 bits per channel if `wide`, else 8. Returns the number of
/// passes over the rows.
int request_rgba(png_structp png, png_infop info, bool wide) {
  png_set_expand(png);
  if (wide) {
    if constexpr (std::endian::native == std::endian::little) png_set_swap(png);
  } else {
    png_set_scale_16(png);
  }
  png_set_gray_to_rgb(png);
  const bool has_alpha =
      (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  if (!has_alpha) png_set_add_alpha(png, 0xffff, PNG_FILLER_AFTER);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return passes;
}

/// Reads 16-bit rows through `to_srgb`. `rows` has room for one row, or for all if there are several passes.
void read_wide(png_structp png, int passes, std::uint16_t* rows, const ToSrgb& to_srgb, RgbaImage& image) {
  const auto width = static_cast<std::size_t>(image.width), height = static_cast<std::size_t>(image.height);
  const std::size_t row_count = passes > 1 ? height : 1;
  for (; passes > 0; --passes) {
    for (std::size_t y = 0; y < height; ++y) {
      std::uint16_t* const row = rows + y % row_count * 4 * width;
      png_read_row(png, reinterpret_cast<png_bytep>(row), nullptr);
      if (passes > 1) continue;
      std::uint8_t* const to = image.pixels.data() + y * 4 * width;
      to_srgb.convert(row, to, width);
      for (std::size_t i = 3; i < 4 * width; i += 4) {
        to[i] = static_cast<std::uint8_t>((row[i] * 255U + 32895) >> 16);
      }
    }
  }
}

/// Reads all rows as 8-bit RGBA.
void read_narrow(png_structp png, int passes, RgbaImage& image) {
  const std::size_t stride = 4 * static_cast<std::size_t>(image.width);
  for (; passes > 0; --passes) {
    for (int y = 0; y < image.height; ++y) {
      png_read_row(png, image.pixels.data() + static_cast<std::size_t>(y) * stride, nullptr);
    }
  }
}

/// Decodes a "Raw profile type" text of ImageMagick: a name and a length, then the bytes in hexadecimal.
std::string raw_profile(std::string_view text) {
  std::size_t lines = 0, start = 0;
  while (start < text.size() && lines < 3) lines += text[start++] == '\n';
  std::string bytes;
  int high = -1;
  for (const char c : text.substr(start)) {
    if (c == '\n') continue;
    const auto digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) break;
    if (high >= 0) bytes += static_cast<char>(high << 4 | static_cast<int>(digit));
    high = high < 0 ? static_cast<int>(digit) : -1;
  }
  return bytes;
}

/// The orientation from eXIf, XMP, or the texts in which older programs store both.
int stored_orientation(png_structp png, png_infop info) {
  std::string exif, xmp;
  png_uint_32 exif_size = 0;
  png_bytep exif_chunk = nullptr;
  if (png_get_eXIf_1(png, info, &exif_size, &exif_chunk) && exif_chunk) {
    exif.assign(reinterpret_cast<const char*>(exif_chunk), exif_size);
  }
  png_textp texts = nullptr;
  const int count = png_get_text(png, info, &texts, nullptr);
  for (int i = 0; i < count; ++i) {
    const std::string_view key = texts[i].key;
    const std::string_view text(texts[i].text, std::max(texts[i].text_length, texts[i].itxt_length));
    if (key == "XML:com.adobe.xmp") xmp = text;
    if (key == "Raw profile type xmp" && xmp.empty()) xmp = raw_profile(text);
    if ((key == "Raw profile type exif" || key == "Raw profile type APP1") && exif.empty()) {
      exif = raw_profile(text);
    }
  }
  return orientation_of(exif, xmp);
}

void add_animation_note(const PngTraits& traits, const std::string& name, std::vector<std::string>& notes) {
  if (!traits.frames) return;
  notes.push_back(traits.first_frame_is_still
                      ? first_frame_note(name, "PNG", *traits.frames)
                      : name + ": an animated PNG with a still picture beside its frames: the still is read");
}

}  // namespace

DecodedImage decode_png(std::string_view bytes, const std::string& name, std::int64_t max_pixels) {
  if (bytes.size() < kIhdrEnd) throw_truncated(name, "PNG");
  if (bytes.substr(12, 4) != "IHDR") throw_damaged(name, "PNG", "expected IHDR as the first chunk");
  const std::int64_t width = big_endian_32(bytes, 16);
  const std::int64_t height = big_endian_32(bytes, 20);
  check_image_size(width, height, name, max_pixels);
  check_chunks(bytes, name);

  PngReader reader(bytes);
  const png_structp png = reader.png();
  const png_infop info = reader.info();
  reader.run(name, [png, info] {
    png_set_chunk_malloc_max(png, kMaxChunkBytes);
    png_read_info(png, info);
  });
  // A header alone must not cause a large allocation, so the file must be large enough for its pixels.
  const std::size_t raw_bytes = png_get_rowbytes(png, info) * static_cast<std::size_t>(height);
  if (raw_bytes / kMaxDeflateRatio > bytes.size()) throw_truncated(name, "PNG");

  DecodedImage decoded;
  RgbaImage& image = decoded.image;
  const PngTraits traits = read_png_traits(bytes);
  const bool grey = !(png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR);
  const bool sixteen = png_get_bit_depth(png, info) == 16;
  const PixelLayout layout = sixteen ? (grey ? PixelLayout::grey16 : PixelLayout::rgba16)
                                     : (grey ? PixelLayout::grey8 : PixelLayout::rgba8);
  add_animation_note(traits, name, image.notes);
  const ToSrgb to_srgb = png_to_srgb(traits, {name, layout, image.notes});
  const bool wide = sixteen && to_srgb;

  const auto stride = 4 * static_cast<std::size_t>(width);
  int passes = 1;
  reader.run(name, [png, info, wide, &passes] { passes = request_rgba(png, info, wide); });
  if (png_get_rowbytes(png, info) != stride * (wide ? 2 : 1)) {
    throw_damaged(name, "PNG", "unexpected pixel layout");
  }
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  image.pixels.resize(stride * static_cast<std::size_t>(height));
  std::vector<std::uint16_t> buffer(!wide ? 0 : passes > 1 ? image.pixels.size() : stride);
  std::uint16_t* const rows = buffer.data();
  reader.run(name, [png, info, wide, passes, rows, &to_srgb, &image] {
    if (wide) {
      read_wide(png, passes, rows, to_srgb, image);
    } else {
      read_narrow(png, passes, image);
    }
    png_read_end(png, info);
  });
  if (to_srgb && !wide) to_srgb.convert(image.pixels.data(), image.pixels.data(), image.pixels.size() / 4);
  decoded.orientation = stored_orientation(png, info);
  return decoded;
}

}  // namespace forgedit
