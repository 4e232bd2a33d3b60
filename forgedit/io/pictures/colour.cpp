#include "forgedit/io/pictures/colour.h"

#include <lcms2.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "forgedit/core/error.h"

namespace forgedit {

struct ToSrgb::Engine {
  cmsContext context = nullptr;
  cmsHPROFILE profile = nullptr;
  cmsHTRANSFORM transform = nullptr;
  bool grey = false;

  Engine() : context(cmsCreateContext(nullptr, nullptr)) {}
  ~Engine() {
    if (transform) cmsDeleteTransform(transform);
    if (profile) cmsCloseProfile(profile);
    if (context) cmsDeleteContext(context);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
};

namespace {

using Engine = ToSrgb::Engine;

constexpr Chromaticities kSrgb = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
// The largest change of an 8-bit value by which a copy of the sRGB profile may differ: many have rounded
// curves and primaries.
constexpr int kRoundingOfSrgb = 2;
constexpr int kRoundingOfNamedSrgb = 6;

cmsUInt32Number format_of(PixelLayout layout) {
  constexpr cmsUInt32Number kGreyAndThree = COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(3);
  switch (layout) {
    case PixelLayout::rgba8:
      return TYPE_RGBA_8;
    case PixelLayout::rgba16:
      return TYPE_RGBA_16;
    case PixelLayout::grey8:
      return kGreyAndThree | BYTES_SH(1);
    case PixelLayout::grey16:
      return kGreyAndThree | BYTES_SH(2);
    case PixelLayout::cmyk8:
      return TYPE_CMYK_8_REV;
  }
  return TYPE_RGBA_8;
}

bool is_wide(PixelLayout layout) {
  return layout == PixelLayout::rgba16 || layout == PixelLayout::grey16;
}

bool is_grey(PixelLayout layout) {
  return layout == PixelLayout::grey8 || layout == PixelLayout::grey16;
}

/// The same layout with red, green and blue in place of grey.
PixelLayout as_rgb(PixelLayout layout) {
  return is_wide(layout) ? PixelLayout::rgba16 : PixelLayout::rgba8;
}

/// Replaces the engine's transform. Returns false if lcms cannot create one.
bool set_transform(Engine& engine, PixelLayout layout) {
  if (engine.transform) cmsDeleteTransform(std::exchange(engine.transform, nullptr));
  const cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR(engine.context);
  if (!srgb) return false;
  // For 16 bits, lcms would replace the curves by a coarse table, which is wrong in dark linear tones.
  const cmsUInt32Number flags = is_wide(layout) ? cmsFLAGS_NOOPTIMIZE : 0;
  engine.transform = cmsCreateTransformTHR(engine.context, engine.profile, format_of(layout), srgb,
                                           TYPE_RGBA_8, INTENT_RELATIVE_COLORIMETRIC, flags);
  cmsCloseProfile(srgb);
  engine.grey = is_grey(layout);
  return engine.transform != nullptr;
}

/// Test colours: every grey, every level of each channel, and a grid of colours.
std::vector<std::uint8_t> probe_colours() {
  std::vector<std::uint8_t> pixels;
  const auto add = [&pixels](int r, int g, int b) {
    for (const int value : {r, g, b, 255}) pixels.push_back(static_cast<std::uint8_t>(value));
  };
  for (int v = 0; v < 256; ++v) {
    add(v, v, v);
    add(v, 0, 0);
    add(0, v, 0);
    add(0, 0, v);
  }
  for (int r = 0; r < 256; r += 17) {
    for (int g = 0; g < 256; g += 17) {
      for (int b = 0; b < 256; b += 17) add(r, g, b);
    }
  }
  return pixels;
}

/// The largest change that the conversion makes to any test colour.
int largest_change(const ToSrgb& to_srgb, bool grey) {
  std::vector<std::uint8_t> before = probe_colours();
  if (grey) {
    for (std::size_t i = 0; i < before.size(); i += 4) before[i + 1] = before[i + 2] = before[i];
  }
  std::vector<std::uint8_t> after = before;
  to_srgb.convert(before.data(), after.data(), before.size() / 4);
  int largest = 0;
  for (std::size_t i = 0; i < before.size(); ++i) largest = std::max(largest, std::abs(before[i] - after[i]));
  return largest;
}

/// The conversion from the engine's profile; none if it changes no colour by more than `rounding`. `made`
/// tells whether the profile could be used at all.
ToSrgb conversion(std::unique_ptr<Engine> engine, PixelLayout layout, int rounding, bool& made) {
  Engine& lcms = *engine;
  ToSrgb to_srgb(std::move(engine));
  made = true;
  if (layout != PixelLayout::cmyk8) {
    const PixelLayout narrow = is_grey(layout) ? PixelLayout::grey8 : PixelLayout::rgba8;
    made = set_transform(lcms, narrow);
    if (!made || largest_change(to_srgb, is_grey(layout)) <= rounding) return {};
    if (!is_wide(layout)) return to_srgb;
  }
  made = set_transform(lcms, layout);
  return made ? std::move(to_srgb) : ToSrgb();
}

[[noreturn]] void throw_hdr(const std::string& name, const std::string& curve) {
  throw failure(name + ": an HDR picture (transfer curve " + curve +
                "), which is not supported: export it without HDR first, as sRGB or Display P3");
}
constexpr const char* kPq = "PQ, SMPTE ST 2084";
constexpr const char* kHlg = "HLG, hybrid log-gamma";

std::string description_of(cmsHPROFILE profile) {
  char text[256] = {};
  cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text, sizeof text - 1);
  return text;
}

/// Whether `text` contains `word` as a whole word; digits may precede it.
bool has_word(const std::string& text, const std::string& word) {
  const auto at = [&text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  for (std::size_t i = text.find(word); i != std::string::npos; i = text.find(word, i + 1)) {
    if (!std::isalnum(at(i + word.size())) && (i == 0 || !std::isalpha(at(i - 1)))) return true;
  }
  return false;
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// Whether the curve has these values at 1/4, 1/2 and 3/4.
bool is_curve(const cmsToneCurve* curve, const std::array<double, 3>& light) {
  for (int i = 0; i < 3; ++i) {
    const double value = cmsEvalToneCurveFloat(curve, 0.25F * static_cast<float>(i + 1));
    if (std::abs(value - light[i]) > 0.05 * light[i]) return false;
  }
  return true;
}

/// Positions in an ICC profile of these four-character codes (ICC.1, 7.2).
constexpr std::size_t kDeviceClassAt = 12;
constexpr std::size_t kColourSpaceAt = 16;

/// Reads a signature from the bytes, because lcms returns enums, and values outside of them are undefined
/// behaviour.
std::uint32_t signature_at(std::string_view bytes, std::size_t at) {
  std::uint32_t signature = 0;
  for (const char c : bytes.substr(at, 4)) signature = signature << 8 | static_cast<unsigned char>(c);
  return signature;
}

/// Throws for a profile of an HDR colour space, recognised by its cicp tag, its name or its curve.
void reject_hdr(cmsHPROFILE profile, const std::string& name) {
  // The tag's type, four reserved bytes, then primaries, transfer, matrix and range.
  std::uint8_t cicp[12] = {};
  if (cmsReadRawTag(profile, static_cast<cmsTagSignature>(0x63696370), cicp, sizeof cicp) >= 10) {
    if (cicp[9] == 16) throw_hdr(name, kPq);
    if (cicp[9] == 18) throw_hdr(name, kHlg);
  }
  const std::string title = description_of(profile);
  if (has_word(title, "PQ") || has(title, "2084")) throw_hdr(name, kPq);
  if (has_word(title, "HLG")) throw_hdr(name, kHlg);
  if (has(title, "2100") && (has(title, "Rec") || has(title, "BT"))) throw_hdr(name, "PQ or HLG, BT.2100");
  for (const cmsTagSignature tag : {cmsSigRedTRCTag, cmsSigGrayTRCTag}) {
    if (!cmsIsTag(profile, tag)) continue;
    const auto* curve = static_cast<const cmsToneCurve*>(cmsReadTag(profile, tag));
    if (!curve) continue;
    if (is_curve(curve, {0.000515, 0.00922, 0.0983})) throw_hdr(name, kPq);
    if (is_curve(curve, {0.02083, 0.08333, 0.26496})) throw_hdr(name, kHlg);
  }
}

const char* title_of(PixelLayout layout) {
  return layout == PixelLayout::cmyk8 ? "CMYK" : is_grey(layout) ? "grey" : "RGB";
}

/// The conversion from primaries and one curve for all channels.
ToSrgb parametric_to_srgb(const Chromaticities& c, std::optional<double> gamma, const ColourSource& source,
                          const std::string& what) {
  auto engine = std::make_unique<Engine>();
  const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  cmsToneCurve* const curve =
      gamma ? cmsBuildGamma(engine->context, *gamma) : cmsBuildParametricToneCurve(engine->context, 4, srgb);
  cmsToneCurve* const curves[3] = {curve, curve, curve};
  const cmsCIExyY white = {c[0], c[1], 1};
  const cmsCIExyYTRIPLE primaries = {{c[2], c[3], 1}, {c[4], c[5], 1}, {c[6], c[7], 1}};
  // lcms divides by y.
  if (curve && std::min({c[1], c[3], c[5], c[7]}) > 0) {
    engine->profile = cmsCreateRGBProfileTHR(engine->context, &white, &primaries, curves);
  }
  if (curve) cmsFreeToneCurve(curve);
  bool made = false;
  ToSrgb to_srgb;
  if (engine->profile) {
    to_srgb = conversion(std::move(engine), as_rgb(source.layout), kRoundingOfSrgb, made);
  }
  if (!made) {
    source.notes.push_back(source.name + ": " + what + " cannot be: colours are taken as sRGB");
  }
  return to_srgb;
}

std::optional<Chromaticities> primaries_of_code(int code) {
  switch (code) {
    case 1:  // BT.709
    case 2:  // unspecified
      return kSrgb;
    case 4:  // BT.470 M
      return Chromaticities{0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08};
    case 5:  // BT.601, 625 lines
      return Chromaticities{0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06};
    case 6:  // BT.601, 525 lines
    case 7:
      return Chromaticities{0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070};
    case 8:  // film
      return Chromaticities{0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049};
    case 9:  // BT.2020
      return Chromaticities{0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046};
    case 11:  // DCI P3
      return Chromaticities{0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060};
    case 12:  // Display P3
      return Chromaticities{0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060};
    case 22:  // EBU 3213
      return Chromaticities{0.3127, 0.3290, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077};
    default:
      return std::nullopt;
  }
}

}  // namespace

ToSrgb::ToSrgb() = default;
ToSrgb::ToSrgb(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
ToSrgb::~ToSrgb() = default;
ToSrgb::ToSrgb(ToSrgb&& other) noexcept = default;
ToSrgb& ToSrgb::operator=(ToSrgb&& other) noexcept = default;

void ToSrgb::convert(const void* from, std::uint8_t* to, std::size_t count) const {
  cmsDoTransform(engine_->transform, from, to, static_cast<cmsUInt32Number>(count));
  if (!engine_->grey) return;
  // Rounding in the conversion of three channels must not tint grey.
  for (std::size_t i = 0; i < count; ++i, to += 4) to[0] = to[2] = to[1];
}

PixelLayout layout_of(const std::vector<std::uint8_t>& rgba) {
  for (std::size_t i = 0; i + 3 < rgba.size(); i += 4) {
    if (rgba[i] != rgba[i + 1] || rgba[i] != rgba[i + 2]) return PixelLayout::rgba8;
  }
  return PixelLayout::grey8;
}

std::string unusable_profile(const std::string& name, const std::string& why) {
  return name + ": its colour profile " + why + ": colours are taken as sRGB";
}

ToSrgb icc_to_srgb(std::string_view bytes, const ColourSource& source) {
  auto engine = std::make_unique<Engine>();
  const auto size = static_cast<cmsUInt32Number>(bytes.size());
  const cmsHPROFILE profile = cmsOpenProfileFromMemTHR(engine->context, bytes.data(), size);
  engine->profile = profile;
  if (!profile) {
    source.notes.push_back(unusable_profile(source.name, "is damaged"));
    return {};
  }
  reject_hdr(profile, source.name);

  const std::uint32_t space = signature_at(bytes, kColourSpaceAt);
  const std::uint32_t kind = signature_at(bytes, kDeviceClassAt);
  const bool describes_device = kind == cmsSigInputClass || kind == cmsSigDisplayClass ||
                                kind == cmsSigOutputClass || kind == cmsSigColorSpaceClass;
  PixelLayout layout = source.layout;
  // Grey pictures often contain the RGB profile of the colour space in which they were made.
  if (space == cmsSigRgbData && is_grey(layout)) layout = as_rgb(layout);
  const std::uint32_t expected = layout == PixelLayout::cmyk8 ? cmsSigCmykData
                                 : is_grey(layout)            ? cmsSigGrayData
                                                              : cmsSigRgbData;
  if (!describes_device || space != expected) {
    const std::string why = std::string("is not one for ") + title_of(source.layout) + " pictures";
    source.notes.push_back(unusable_profile(source.name, why));
    return {};
  }
  const bool named_srgb = has(description_of(profile), "sRGB");
  bool made = false;
  ToSrgb to_srgb =
      conversion(std::move(engine), layout, named_srgb ? kRoundingOfNamedSrgb : kRoundingOfSrgb, made);
  if (!made) source.notes.push_back(unusable_profile(source.name, "is damaged"));
  return to_srgb;
}

ToSrgb cicp_to_srgb(int primaries, int transfer, const ColourSource& source) {
  std::optional<double> gamma;
  switch (transfer) {
    case 16:
      throw_hdr(source.name, kPq);
    case 18:
      throw_hdr(source.name, kHlg);
    case 4:
      gamma = 2.2;
      break;
    case 5:
      gamma = 2.8;
      break;
    case 8:
      gamma = 1.0;
      break;
    case 1:  // the curve of video cameras: browsers show it as sRGB
    case 2:
    case 6:
    case 7:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
      break;
    default:
      source.notes.push_back(source.name + ": its transfer curve (code " + std::to_string(transfer) +
                             ") is unknown: taken as that of sRGB");
  }
  const auto chromaticities = primaries_of_code(primaries);
  if (!chromaticities) {
    source.notes.push_back(source.name + ": its colour primaries (code " + std::to_string(primaries) +
                           ") are unknown: taken as those of sRGB");
  }
  return parametric_to_srgb(chromaticities.value_or(kSrgb), gamma, source, "its colour primaries");
}

ToSrgb gamma_to_srgb(const std::optional<Chromaticities>& primaries, std::optional<double> decoding_gamma,
                     const ColourSource& source) {
  Chromaticities c = primaries.value_or(kSrgb);
  const bool srgb_primaries = std::equal(c.begin(), c.end(), kSrgb.begin(),
                                         [](double a, double b) { return std::abs(a - b) < 0.003; });
  if (srgb_primaries) c = kSrgb;
  if (decoding_gamma && (*decoding_gamma < 0.1 || *decoding_gamma > 10)) {
    source.notes.push_back(source.name + ": its gamma is invalid: taken as that of sRGB");
    decoding_gamma.reset();
  }
  // sRGB's curve is closest to this gamma, and PNG cannot express it better.
  if (srgb_primaries && decoding_gamma && std::abs(*decoding_gamma - 2.2) < 0.022) decoding_gamma.reset();
  return parametric_to_srgb(c, decoding_gamma, source, "its primaries (cHRM)");
}

}  // namespace forgedit
