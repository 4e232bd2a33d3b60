#pragma once

// HEIC and AVIF for tests, where libheif has an encoder for them.

#include <libheif/heif.h>

#include <string>

#include "tests/io/pictures/make_pictures.h"

namespace forgedit::testing {

struct HeifPicture {
  heif_compression_format codec = heif_compression_HEVC;
  int width = 0;
  int height = 0;
  Bytes rgba;
  int bits = 8;  ///< more: no alpha, two bytes a number, the lower one first
  bool premultiplied = false;
  int orientation = 1;  ///< as in EXIF, kept as irot and imir
  std::string icc;
  int primaries = 0;  ///< 0: no code points
  int transfer = 13;
  std::string exif;
};

inline bool can_encode(heif_compression_format codec) {
  return heif_have_encoder_for_format(codec) != 0 && heif_have_decoder_for_format(codec) != 0;
}

inline void expect_ok(const heif_error& error) {
  if (error.code == heif_error_Ok) return;
  std::fprintf(stderr, "libheif: %s\n", error.message);
  std::abort();
}

inline heif_image* heif_pixels(const HeifPicture& picture) {
  heif_image* image = nullptr;
  const bool wide = picture.bits > 8;
  expect_ok(heif_image_create(picture.width, picture.height, heif_colorspace_RGB,
                              wide ? heif_chroma_interleaved_RRGGBB_LE : heif_chroma_interleaved_RGBA,
                              &image));
  expect_ok(
      heif_image_add_plane(image, heif_channel_interleaved, picture.width, picture.height, picture.bits));
  int stride = 0;
  std::uint8_t* plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
  const std::size_t row = (wide ? 6 : 4) * static_cast<std::size_t>(picture.width);
  for (int y = 0; y < picture.height; ++y) {
    std::memcpy(plane + y * stride, picture.rgba.data() + static_cast<std::size_t>(y) * row, row);
  }
  if (picture.premultiplied) heif_image_set_premultiplied_alpha(image, 1);
  if (!picture.icc.empty()) {
    expect_ok(heif_image_set_raw_color_profile(image, "prof", picture.icc.data(), picture.icc.size()));
  }
  return image;
}

inline std::string encode_heif(const HeifPicture& picture) {
  heif_context* context = heif_context_alloc();
  heif_image* image = heif_pixels(picture);
  heif_encoder* encoder = nullptr;
  expect_ok(heif_context_get_encoder_for_format(context, picture.codec, &encoder));
  heif_encoder_set_lossy_quality(encoder, 100);
  heif_encoder_set_parameter_string(encoder, "chroma", "444");
  heif_encoding_options* options = heif_encoding_options_alloc();
  options->image_orientation = static_cast<heif_orientation>(picture.orientation);
  heif_color_profile_nclx* nclx = heif_nclx_color_profile_alloc();
  if (picture.primaries != 0) {
    nclx->color_primaries = static_cast<heif_color_primaries>(picture.primaries);
    nclx->transfer_characteristics = static_cast<heif_transfer_characteristics>(picture.transfer);
    nclx->matrix_coefficients = heif_matrix_coefficients_ITU_R_BT_601_6;
    nclx->full_range_flag = 1;
    expect_ok(heif_image_set_nclx_color_profile(image, nclx));
    options->macOS_compatibility_workaround_no_nclx_profile = 0;
  }
  heif_image_handle* handle = nullptr;
  expect_ok(heif_context_encode_image(context, image, encoder, options, &handle));
  if (!picture.exif.empty()) {
    expect_ok(heif_context_add_exif_metadata(context, handle, picture.exif.data(),
                                             static_cast<int>(picture.exif.size())));
  }
  std::string file;
  heif_writer writer{};
  writer.writer_api_version = 1;
  writer.write = [](heif_context*, const void* data, std::size_t size, void* to) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
    return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
  };
  expect_ok(heif_context_write(context, &writer, &file));
  heif_image_handle_release(handle);
  heif_nclx_color_profile_free(nclx);
  heif_encoding_options_free(options);
  heif_encoder_release(encoder);
  heif_image_release(image);
  heif_context_free(context);
  return file;
}

}  // namespace forgedit::testing
