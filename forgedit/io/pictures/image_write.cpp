#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <exception>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/encode_png.h"

namespace forgedit {
namespace fs = std::filesystem;
namespace {

constexpr int kCompressionLevel = 6;

/// PNG's rule for keywords: 1 to 79 printable Latin-1 characters, with single spaces only between others.
bool is_png_keyword(const std::string& keyword) {
  if (keyword.empty() || keyword.size() > 79) return false;
  if (keyword.front() == ' ' || keyword.back() == ' ') return false;
  if (keyword.find("  ") != std::string::npos) return false;
  return std::all_of(keyword.begin(), keyword.end(),
                     [](unsigned char c) { return (c >= 32 && c <= 126) || c >= 161; });
}

void check_writable(const std::string& name, const Image& image, const PngText& text) {
  const std::size_t expected = 3 * static_cast<std::size_t>(std::max(image.width, 0)) *
                               static_cast<std::size_t>(std::max(image.height, 0));
  if (expected == 0 || image.pixels.size() != expected) {
    throw usage_error(name + ": cannot write a picture of " + std::to_string(image.width) + "x" +
                      std::to_string(image.height) + " pixels with " + std::to_string(image.pixels.size()) +
                      " values");
  }
  for (const auto& [keyword, value] : text) {
    if (!is_png_keyword(keyword)) {
      throw usage_error(name + ": PNG keyword \"" + keyword +
                        "\", expected 1 to 79 printable Latin-1 characters without outer or double spaces");
    }
    if (value.find('\0') != std::string::npos) {
      throw usage_error(name + ": PNG text \"" + keyword + "\" contains a zero byte");
    }
  }
}

/// A libpng writer into memory. libpng reports errors by longjmp, so `run` must hold no objects with
/// destructors.
class PngWriter {
 public:
  PngWriter() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (info_) png_set_write_fn(png_, this, on_write, on_flush);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool run(const Image& image, png_textp texts, int text_count) {
    if (!info_) return false;
    if (setjmp(png_jmpbuf(png_))) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png_, kCompressionLevel);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (text_count > 0) png_set_text(png_, info_, texts, text_count);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.at(0, y));
    png_write_end(png_, info_);
    return true;
  }

  std::string take_file() { return std::move(file_); }
  const char* message() const { return message_; }

 private:
  static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngWriter*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof self->message_ - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_flush(png_structp) {}

  bool append(const png_byte* from, std::size_t count) {
    try {
      file_.append(reinterpret_cast<const char*>(from), count);
      return true;
    } catch (const std::exception&) {
      return false;  // no exception may pass through libpng
    }
  }
  static void on_write(png_structp png, png_bytep from, std::size_t count) {
    if (!static_cast<PngWriter*>(png_get_io_ptr(png))->append(from, count)) png_error(png, "no memory");
  }

  std::string file_;
  char message_[160] = "no memory for the PNG writer";
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

std::string encode_png(const Image& image, const PngText& text, const std::string& name) {
  check_writable(name, image, text);
  std::vector<png_text> chunks(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    // libpng's structure has pointers to non-const, but copies the data.
    chunks[i].compression = PNG_ITXT_COMPRESSION_NONE;
    chunks[i].key = const_cast<char*>(text[i].first.c_str());
    chunks[i].text = const_cast<char*>(text[i].second.c_str());
    chunks[i].itxt_length = text[i].second.size();
  }
  PngWriter writer;
  if (!writer.run(image, chunks.data(), static_cast<int>(chunks.size()))) {
    throw failure(name + ": cannot be encoded as PNG: " + writer.message());
  }
  return writer.take_file();
}

void write_png(const fs::path& path, const Image& image, const PngText& text) {
  write_file_atomically(path, encode_png(image, text, path.string()), Flush::no);
}

}  // namespace forgedit
