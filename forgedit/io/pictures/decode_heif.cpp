#include <fcntl.h>
#include <libheif/heif.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/colour.h"
#include "forgedit/io/pictures/heif_boxes.h"
#include "forgedit/io/pictures/image_decode.h"

namespace forgedit {
namespace {

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Context = std::unique_ptr<heif_context, Release<heif_context, heif_context_free>>;
using Options =
    std::unique_ptr<heif_decoding_options, Release<heif_decoding_options, heif_decoding_options_free>>;
using Nclx =
    std::unique_ptr<heif_color_profile_nclx, Release<heif_color_profile_nclx, heif_nclx_color_profile_free>>;
using Handle =
    std::unique_ptr<const heif_image_handle, Release<const heif_image_handle, heif_image_handle_release>>;
using Pixels = std::unique_ptr<heif_image, decltype(&heif_image_release)>;

/// The state of reading one file.
struct HeifFile {
  std::string_view bytes;
  const std::string& name;
  const std::string& format;
  std::int64_t max_pixels;
  Context context;
  Handle handle;
};

/// libheif's message on one line.
std::string message_of(const heif_error& error) {
  std::string text = error.message ? error.message : "unknown error";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

[[noreturn]] void throw_no_decoder(const HeifFile& file, const heif_error& error) {
  const bool avif = file.format == "AVIF";
  if (!heif_have_decoder_for_format(avif ? heif_compression_AV1 : heif_compression_HEVC)) {
    throw failure(
        file.name + ": " + file.format + " cannot be read, because libheif has no decoder for it: install " +
        (avif ? "libheif-plugin-dav1d" : "libheif-plugin-libde265") + ", or convert the picture to PNG");
  }
  throw failure(file.name + ": a kind of " + file.format + " that is not supported (" + message_of(error) +
                "): convert it to PNG first");
}

void check(const heif_error& error, const HeifFile& file) {
  if (error.code == heif_error_Ok) return;
  if (error.subcode == heif_suberror_End_of_data) throw_truncated(file.name, file.format);
  if (error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype ||
      error.code == heif_error_Plugin_loading_error) {
    throw_no_decoder(file, error);
  }
  if (error.code == heif_error_Memory_allocation_error) {
    throw failure(file.name + ": no memory for the " + file.format + " reader");
  }
  throw_damaged(file.name, file.format, message_of(error));
}

/// Opens the file and its primary picture. `boxes` are those of the file.
void open(HeifFile& file, const std::vector<HeifBox>& boxes) {
  file.context.reset(heif_context_alloc());
  if (!file.context) throw failure(file.name + ": no memory for the " + file.format + " reader");
  // No threads: if one could not be started, libheif would end the program.
  heif_context_set_max_decoding_threads(file.context.get(), 0);
  check(heif_context_read_from_memory_without_copy(file.context.get(), file.bytes.data(), file.bytes.size(),
                                                   nullptr),
        file);
  heif_item_id primary = 0;
  check(heif_context_get_primary_image_ID(file.context.get(), &primary), file);
  check_heif_references(boxes, primary, file.name, file.format);
  heif_image_handle* handle = nullptr;
  check(heif_context_get_primary_image_handle(file.context.get(), &handle), file);
  file.handle.reset(handle);
  check_image_size(heif_image_handle_get_width(handle), heif_image_handle_get_height(handle), file.name,
                   file.max_pixels);
  check_image_size(heif_image_handle_get_ispe_width(handle), heif_image_handle_get_ispe_height(handle),
                   file.name, file.max_pixels);
}

/// The code points in the file, else those in the picture's own stream; null if there are none.
Nclx find_nclx(const HeifFile& file, const heif_image* pixels, std::vector<std::string>& notes) {
  heif_color_profile_nclx* nclx = nullptr;
  heif_error error = heif_image_handle_get_nclx_color_profile(file.handle.get(), &nclx);
  if (error.code != heif_error_Ok && pixels) error = heif_image_get_nclx_color_profile(pixels, &nclx);
  if (error.code != heif_error_Ok && error.code != heif_error_Color_profile_does_not_exist) {
    notes.push_back(file.name + ": its colour code points are unknown: colours are taken as sRGB");
  }
  return Nclx(nclx);
}

/// The conversion by ICC profile, else by code points. HDR code points count even beside an ICC profile.
ToSrgb conversion_of(const HeifFile& file, const heif_image* pixels, PixelLayout layout,
                     std::vector<std::string>& notes) {
  const heif_image_handle* handle = file.handle.get();
  const std::size_t size = heif_image_handle_get_raw_color_profile_size(handle);
  std::vector<std::string> code_notes;
  const Nclx nclx = find_nclx(file, pixels, code_notes);
  ToSrgb by_code;
  if (nclx) {
    by_code =
        cicp_to_srgb(nclx->color_primaries, nclx->transfer_characteristics, {file.name, layout, code_notes});
  }
  if (size == 0) {
    notes.insert(notes.end(), code_notes.begin(), code_notes.end());
    return by_code;
  }
  std::vector<char> profile(size);
  check(heif_image_handle_get_raw_color_profile(handle, profile.data()), file);
  return icc_to_srgb({profile.data(), size}, {file.name, layout, notes});
}

/// Silences the standard error of the process while it lives: libde265 and dav1d print to it, but a damaged
/// file should give only one line.
class SilentErrors {
 public:
  SilentErrors() : lock_(mutex()), kept_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
    const int nowhere = kept_ < 0 ? -1 : ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
  }
  ~SilentErrors() {
    if (kept_ < 0) return;
    ::dup2(kept_, STDERR_FILENO);
    ::close(kept_);
  }
  SilentErrors(const SilentErrors&) = delete;
  SilentErrors& operator=(const SilentErrors&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex one_at_a_time;
    return one_at_a_time;
  }
  std::lock_guard<std::mutex> lock_;
  int kept_;
};

Pixels decode_pixels(const HeifFile& file) {
  const Options options(heif_decoding_options_alloc());
  if (!options) throw failure(file.name + ": no memory for the " + file.format + " reader");
  options->convert_hdr_to_8bit = 1;
  options->strict_decoding = 1;
  heif_image* image = nullptr;
  const SilentErrors silent;
  const heif_error error = heif_decode_image(file.handle.get(), &image, heif_colorspace_RGB,
                                             heif_chroma_interleaved_RGBA, options.get());
  Pixels pixels(image, &heif_image_release);
  check(error, file);
  return pixels;
}

/// Copies libheif's rows, and divides colours by alpha if they are premultiplied.
void copy_pixels(const heif_image* from, bool premultiplied, RgbaImage& image, const HeifFile& file) {
  int stride = 0;
  const std::uint8_t* plane = heif_image_get_plane_readonly(from, heif_channel_interleaved, &stride);
  const int width = heif_image_get_width(from, heif_channel_interleaved);
  const int height = heif_image_get_height(from, heif_channel_interleaved);
  if (!plane || stride < 4 * width)
    throw_damaged(file.name, file.format, "no pixels came out of its decoder");
  check_image_size(width, height, file.name, file.max_pixels);
  image.width = width;
  image.height = height;
  const auto row_size = 4 * static_cast<std::size_t>(width);
  image.pixels.resize(row_size * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    std::memcpy(image.pixels.data() + static_cast<std::size_t>(y) * row_size,
                plane + static_cast<std::size_t>(y) * static_cast<std::size_t>(stride), row_size);
  }
  if (!premultiplied) return;
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const int alpha = image.pixels[i + 3];
    for (std::size_t c = 0; alpha != 0 && c < 3; ++c) {
      image.pixels[i + c] =
          static_cast<std::uint8_t>(std::min(255, (image.pixels[i + c] * 255 + alpha / 2) / alpha));
    }
  }
}

}  // namespace

DecodedImage decode_heif(std::string_view bytes, const std::string& name, const std::string& format,
                         std::int64_t max_pixels) {
  HeifFile file{bytes, name, format, max_pixels, {}, {}};
  // The boxes are split before libheif reads them, because libheif's own errors for truncated files differ.
  const auto boxes = split_heif_boxes(bytes, name, format);
  const bool animated =
      std::any_of(boxes.begin(), boxes.end(), [](const HeifBox& box) { return box.type == "moov"; });
  open(file, boxes);
  DecodedImage decoded;
  RgbaImage& image = decoded.image;
  // Colours are checked before decoding, so that HDR is reported even without a decoder.
  conversion_of(file, nullptr, PixelLayout::rgba8, image.notes);
  image.notes.clear();
  const Pixels pixels = decode_pixels(file);
  copy_pixels(pixels.get(), heif_image_handle_is_premultiplied_alpha(file.handle.get()) != 0, image, file);
  if (animated) {
    image.notes.push_back(name + ": an animated " + format +
                          " with a still picture beside its frames: the still is read");
  }
  const int pictures = heif_context_get_number_of_top_level_images(file.context.get());
  if (pictures > 1) {
    image.notes.push_back(name + ": the file holds " + std::to_string(pictures) +
                          " pictures: the one marked as primary is read");
  }
  const ToSrgb to_srgb = conversion_of(file, pixels.get(), layout_of(image.pixels), image.notes);
  if (to_srgb) to_srgb.convert(image.pixels.data(), image.pixels.data(), image.pixels.size() / 4);
  // libheif has already rotated the picture by the file's own properties, which replace EXIF's orientation.
  return decoded;
}

}  // namespace forgedit
