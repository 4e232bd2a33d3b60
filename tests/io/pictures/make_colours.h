#pragma once

// Colour profiles for test pictures, places for them in files, and what sRGB they should become.

#include <lcms2.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <functional>
#include <string>

#include "tests/io/pictures/make_pictures.h"

namespace forgedit::testing {

using Rgba = std::array<int, 4>;

inline Rgba pixel(const RgbaImage& image, int x, int y) {
  const std::uint8_t* p = image.pixels.data() + 4 * (static_cast<std::size_t>(y) * image.width + x);
  return {p[0], p[1], p[2], p[3]};
}

inline void expect_near(const Rgba& got, const Rgba& expected, int tolerance) {
  for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(got[c], expected[c], tolerance) << "channel " << c;
}

inline double srgb_light(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}
inline int srgb_number(double light) {
  light = std::min(1.0, std::max(0.0, light));
  const double value = light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
  return static_cast<int>(std::lround(255 * value));
}

/// From light in a space's primaries to light in those of sRGB; all of white D65.
using Matrix = std::array<std::array<double, 3>, 3>;
inline constexpr Matrix kFromP3 = {
    {{1.2249402, -0.2249402, 0.0}, {-0.0420570, 1.0420570, 0.0}, {-0.0196376, -0.0786361, 1.0982736}}};
inline constexpr Matrix kFromAdobe = {
    {{1.3983557, -0.3983557, 0.0}, {0.0, 1.0, 0.0}, {0.0, -0.0429290, 1.0429290}}};
inline constexpr Matrix kFrom2020 = {{{1.6604910, -0.5876411, -0.0728499},
                                      {-0.1245505, 1.1328999, -0.0083494},
                                      {-0.0181508, -0.1005789, 1.1187297}}};
inline constexpr Matrix kFromSrgb = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

/// What a colour of 8 bits a channel is in sRGB.
inline Rgba converted(const std::array<int, 3>& stored, const Matrix& matrix,
                      const std::function<double(double)>& light) {
  Rgba result = {0, 0, 0, 255};
  for (std::size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) sum += matrix[row][c] * light(stored[c] / 255.0);
    result[row] = srgb_number(sum);
  }
  return result;
}

inline std::string saved(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  if (!profile || !cmsSaveProfileToMem(profile, nullptr, &size)) std::abort();
  std::string bytes(size, '\0');
  if (!cmsSaveProfileToMem(profile, bytes.data(), &size)) std::abort();
  cmsCloseProfile(profile);
  return bytes;
}

inline void set_title(cmsHPROFILE profile, const std::string& title) {
  cmsMLU* text = cmsMLUalloc(nullptr, 1);
  cmsMLUsetASCII(text, "en", "US", title.c_str());
  cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
  cmsMLUfree(text);
}

struct Space {
  cmsCIExyYTRIPLE primaries;
  double gamma = 0;  ///< 0: the curve of sRGB
};
inline const Space kP3 = {{{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}}, 0};
inline const Space kAdobe = {{{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}}, 2.19921875};
inline const Space k709Linear = {{{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}}, 1.0};

/// A profile of three primaries and a curve for each channel.
inline cmsHPROFILE rgb_profile(const Space& space, const std::string& title, cmsToneCurve* curve = nullptr) {
  const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  if (!curve) {
    curve =
        space.gamma > 0 ? cmsBuildGamma(nullptr, space.gamma) : cmsBuildParametricToneCurve(nullptr, 4, srgb);
  }
  cmsToneCurve* const curves[3] = {curve, curve, curve};
  const cmsCIExyY white = {0.3127, 0.3290, 1};
  cmsHPROFILE profile = cmsCreateRGBProfile(&white, &space.primaries, curves);
  set_title(profile, title);
  cmsFreeToneCurve(curve);
  return profile;
}

inline std::string grey_profile(double gamma) {
  cmsToneCurve* curve = cmsBuildGamma(nullptr, gamma);
  const cmsCIExyY white = {0.34567, 0.35850, 1};
  cmsHPROFILE profile = cmsCreateGrayProfile(&white, curve);
  set_title(profile, "Grey of a test");
  cmsFreeToneCurve(curve);
  return saved(profile);
}

/// The Lab colour of four inks (0 to 1) in the CMYK profile below.
inline std::array<double, 3> ink_lab(double c, double m, double y, double k) {
  return {100 - 30 * c - 35 * m - 8 * y - 25 * k, -25 * c + 40 * m, -30 * c + 60 * y};
}

/// A printer whose table of two steps an ink is exact, as its Lab is linear in its inks.
inline std::string cmyk_profile() {
  cmsHPROFILE profile = cmsCreateProfilePlaceholder(nullptr);
  cmsSetProfileVersion(profile, 2.4);
  cmsSetDeviceClass(profile, cmsSigOutputClass);
  cmsSetColorSpace(profile, cmsSigCmykData);
  cmsSetPCS(profile, cmsSigLabData);
  set_title(profile, "Inks of a test");
  cmsPipeline* pipeline = cmsPipelineAlloc(nullptr, 4, 3);
  cmsStage* table = cmsStageAllocCLut16bit(nullptr, 2, 4, 3, nullptr);
  cmsStageSampleCLut16bit(
      table,
      [](const cmsUInt16Number in[], cmsUInt16Number out[], void*) -> cmsInt32Number {
        const auto lab = ink_lab(in[0] / 65535.0, in[1] / 65535.0, in[2] / 65535.0, in[3] / 65535.0);
        const cmsCIELab value = {lab[0], lab[1], lab[2]};
        cmsFloat2LabEncodedV2(out, &value);
        return TRUE;
      },
      nullptr, 0);
  cmsPipelineInsertStage(pipeline, cmsAT_END, table);
  cmsWriteTag(profile, cmsSigAToB0Tag, pipeline);
  cmsWriteTag(profile, cmsSigAToB1Tag, pipeline);
  cmsPipelineFree(pipeline);
  return saved(profile);
}

/// sRGB of a Lab colour under D50, by the formulas.
inline Rgba srgb_of_lab(const std::array<double, 3>& lab) {
  const auto f = [](double t) { return t > 6.0 / 29 ? t * t * t : 3 * 36.0 / 841 * (t - 4.0 / 29); };
  const double fy = (lab[0] + 16) / 116;
  const double x = 0.9642 * f(fy + lab[1] / 500), y = f(fy), z = 0.8249 * f(fy - lab[2] / 200);
  return {srgb_number(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
          srgb_number(-0.9787684 * x + 1.9161415 * y + 0.0334540 * z),
          srgb_number(0.0719453 * x - 0.2289914 * y + 1.4052427 * z), 255};
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return integer(static_cast<std::uint32_t>(data.size()), 4, true) + body +
         integer(static_cast<std::uint32_t>(sum), 4, true);
}

/// The PNG with these chunks right behind its header.
inline std::string with_chunks(std::string png, const std::string& chunks) {
  return png.insert(33, chunks);
}

inline std::string iccp_chunk(const std::string& profile) {
  Bytes packed(compressBound(profile.size()));
  uLongf size = packed.size();
  compress(packed.data(), &size, reinterpret_cast<const Bytef*>(profile.data()), profile.size());
  return png_chunk("iCCP", std::string("icc\0\0", 5) +
                               std::string(packed.begin(), packed.begin() + static_cast<long>(size)));
}

inline std::string gama_chunk(std::uint32_t gamma) {
  return png_chunk("gAMA", integer(gamma, 4, true));
}

inline std::string chrm_chunk(const std::array<std::uint32_t, 8>& xy) {
  std::string data;
  for (const std::uint32_t value : xy) data += integer(value, 4, true);
  return png_chunk("cHRM", data);
}

/// The JPEG with this marker right behind its start.
inline std::string with_marker(std::string jpeg, char kind, const std::string& data) {
  return jpeg.insert(
      2, std::string("\xff") + kind + integer(static_cast<std::uint32_t>(data.size() + 2), 2, true) + data);
}

/// The JPEG with a profile in `parts` markers.
inline std::string with_icc(std::string jpeg, const std::string& profile, int parts = 1) {
  const std::size_t step =
      (profile.size() + static_cast<std::size_t>(parts) - 1) / static_cast<std::size_t>(parts);
  for (int part = parts; part > 0; --part) {
    const std::string head =
        std::string("ICC_PROFILE\0", 12) + static_cast<char>(part) + static_cast<char>(parts);
    jpeg = with_marker(std::move(jpeg), '\xe2',
                       head + profile.substr(static_cast<std::size_t>(part - 1) * step, step));
  }
  return jpeg;
}

/// A flat 8x8 PNG of 8 bits a channel; the number of numbers says what kind.
inline std::string flat_png(const Bytes& colour) {
  PngPicture picture;
  picture.width = picture.height = 8;
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                            PNG_COLOR_TYPE_RGB_ALPHA};
  picture.colour_type = kTypes[colour.size() - 1];
  picture.rows = flat(8, 8, colour);
  return encode_png(picture);
}

}  // namespace forgedit::testing
