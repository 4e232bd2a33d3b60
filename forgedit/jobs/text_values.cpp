#include "forgedit/jobs/text_values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {
namespace {

constexpr std::size_t kMaxValues = 1000;
constexpr int kMinSide = 8;
constexpr int kMaxSide = 4096;
constexpr double kLargest = 1e6;
constexpr double kMostLora = 100;
constexpr double kLeastGib = 0.01, kMostGib = 100'000;
// Numbers of a range are rounded to this many parts of one: 0.3, not 0.30000000000000004.
constexpr double kGrain = 1e9;
constexpr const char* kWholeSteps =
    "FIRST:LAST:STEP in which whole steps lead from FIRST to LAST; STEP is 1 if it is not given";

[[noreturn]] void reject(const std::string& field, const std::string& expected, const std::string& text) {
  throw usage_error(field, "expected " + expected + ", got '" + one_line(text) + "'");
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto end = text.find(separator); end != std::string::npos; end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

/// Without blanks around it; a line break is none here.
std::string word_in(std::string_view text) {
  return std::string(trimmed(text, " \t"));
}

/// The whole of `text` as a number; nothing for anything else.
template <typename Number, typename... Base>
std::optional<Number> number_from(const std::string& text, Base... base) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, base...);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::string short_text(double value) {
  // As people write them: 100000, not 1e+05.
  std::array<char, 64> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), result.ptr};
}

template <typename Number>
void append(std::vector<Number>& values, Number value, const std::string& field, const std::string& text) {
  if (values.size() == kMaxValues) reject(field, "at most 1000 values", text);
  values.push_back(value);
}

double parse_number(const std::string& field, const std::string& part, const std::string& text) {
  const auto value = number_from<double>(word_in(part));
  if (!value || !(std::abs(*value) <= kLargest)) {
    reject(field, "numbers of at most 1000000, such as 0.8,1.0 or FIRST:LAST:STEP", text);
  }
  return *value;
}

std::uint64_t parse_seed(const std::string& field, const std::string& part, const std::string& text) {
  const auto value = number_from<std::uint64_t>(word_in(part));
  if (!value || *value > static_cast<std::uint64_t>(INT64_MAX)) {
    reject(field, "whole numbers from 0 to " + std::to_string(INT64_MAX) + ", such as 0,1,2 or FIRST:LAST",
           text);
  }
  return *value;
}

}  // namespace

std::vector<double> parse_numbers(const std::string& field, const std::string& text) {
  std::vector<double> values;
  for (const auto& item : split(text, ',')) {
    const auto parts = split(item, ':');
    if (parts.size() > 3) reject(field, "FIRST:LAST:STEP", item);
    const double first = parse_number(field, parts[0], text);
    if (parts.size() == 1) {
      append(values, first, field, text);
      continue;
    }
    const double last = parse_number(field, parts[1], text);
    const double step = parts.size() == 3 ? parse_number(field, parts[2], text) : 1.0;
    if (step <= 0 || last < first) reject(field, "FIRST <= LAST and a STEP over 0", item);
    const double steps = (last - first) / step;
    if (steps > static_cast<double>(kMaxValues)) reject(field, "at most 1000 values", text);
    const double whole = std::round(steps);
    if (std::abs(steps - whole) > 1e-6) reject(field, kWholeSteps, item);
    for (int i = 0; i <= static_cast<int>(whole); ++i) {
      append(values, std::round((first + i * step) * kGrain) / kGrain, field, text);
    }
  }
  return values;
}

std::vector<std::uint64_t> parse_seeds(const std::string& field, const std::string& text) {
  std::vector<std::uint64_t> values;
  for (const auto& item : split(text, ',')) {
    const auto parts = split(item, ':');
    if (parts.size() > 3) reject(field, "FIRST:LAST:STEP", item);
    const auto first = parse_seed(field, parts[0], text);
    const auto last = parts.size() > 1 ? parse_seed(field, parts[1], text) : first;
    const auto step = parts.size() > 2 ? parse_seed(field, parts[2], text) : 1;
    if (step == 0 || last < first) reject(field, "FIRST <= LAST and a STEP over 0", item);
    if ((last - first) % step != 0) reject(field, kWholeSteps, item);
    for (auto seed = first; seed <= last; seed += step) append(values, seed, field, text);
  }
  return values;
}

std::vector<std::string> parse_words(const std::string& field, const std::string& text) {
  std::vector<std::string> words;
  for (const auto& item : split(text, ',')) {
    auto word = word_in(item);
    if (word.empty()) reject(field, "words separated by commas", text);
    append(words, std::move(word), field, text);
  }
  return words;
}

std::pair<int, int> parse_size(const std::string& field, const std::string& text) {
  const auto parts = split(text, 'x');
  const auto side = [&](const std::string& part) {
    const auto value = number_from<int>(part);
    return value && *value >= kMinSide && *value <= kMaxSide ? *value : 0;
  };
  const int width = side(parts[0]), height = parts.size() == 1   ? width
                                             : parts.size() == 2 ? side(parts[1])
                                                                 : 0;
  if (width == 0 || height == 0) {
    reject(field,
           "WIDTHxHEIGHT, or one number for a square, with sides from " + std::to_string(kMinSide) + " to " +
               std::to_string(kMaxSide),
           text);
  }
  return {width, height};
}

Region parse_region(const std::string& field, const std::string& text) {
  std::vector<int> numbers;
  for (const auto& part : split(text, ',')) {
    if (const auto value = number_from<int>(part)) numbers.push_back(*value);
  }
  const bool is_region = split(text, ',').size() == 4 && numbers.size() == 4 && numbers[0] >= 0 &&
                         numbers[1] >= 0 && numbers[2] >= kMinRegionSide && numbers[3] >= kMinRegionSide;
  if (!is_region) {
    reject(field,
           "X,Y,WIDTH,HEIGHT in pixels of the picture: X and Y from 0, sides of at least " +
               std::to_string(kMinRegionSide),
           text);
  }
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

double parse_gib(const std::string& field, const std::string& text) {
  const auto word = word_in(text);
  const auto end = std::min(word.find_first_not_of("0123456789.+-e"), word.size());
  auto unit = word_in(word.substr(end));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
  auto gib = number_from<double>(word_in(word.substr(0, end)));
  // Memory is sold by GiB and called GB.
  if (unit == "m" || unit == "mb" || unit == "mib") {
    if (gib) *gib /= 1024;
  } else if (!unit.empty() && unit != "g" && unit != "gb" && unit != "gib") {
    gib.reset();
  }
  if (!gib || !(*gib >= kLeastGib && *gib <= kMostGib)) {
    reject(
        field,
        "GiB from " + short_text(kLeastGib) + " to " + short_text(kMostGib) + ", such as 8, 8GB or 6000MiB",
        text);
  }
  return *gib;
}

LoraFile parse_lora(const std::string& field, const std::string& text) {
  const auto colon = text.rfind(':');
  std::error_code error;
  if (colon == std::string::npos || std::filesystem::exists(text, error)) return {text};
  const auto scale = number_from<double>(text.substr(colon + 1));
  if (!scale || !(std::abs(*scale) <= kMostLora) || colon == 0) {
    reject(field, "FILE, or FILE:STRENGTH with a number from -100 to 100", text);
  }
  return {text.substr(0, colon), *scale};
}

std::array<std::uint8_t, 3> parse_colour(const std::string& field, const std::string& text) {
  if (text == "white") return kWhite;
  if (text == "black") return {0, 0, 0};
  if (text == "grey" || text == "gray") return {128, 128, 128};
  const std::string digits = text.substr(starts_with(text, "#") ? 1 : 0);
  const std::size_t width = digits.size() / 3;
  std::array<std::uint8_t, 3> colour{};
  for (std::size_t i = 0; i < 3; ++i) {
    const bool has_length = digits.size() == 3 || digits.size() == 6;
    const auto value = has_length ? number_from<unsigned>(digits.substr(i * width, width), 16) : std::nullopt;
    if (!value) reject(field, "#rrggbb, white, black or grey", text);
    colour[i] = static_cast<std::uint8_t>(width == 1 ? *value * 17 : *value);
  }
  return colour;
}

std::function<std::string(const std::string&)> within(double low, double high, const std::string& unit) {
  return [=](const std::string& text) -> std::string {
    const auto value = number_from<double>(text);
    // CLI11 would read 010 as octal.
    const bool octal = text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
    if (value && !octal && *value >= low && *value <= high) return {};
    return "expected a number " + (unit.empty() ? "" : "of " + unit + " ") + "from " + short_text(low) +
           " to " + short_text(high) + ", got '" + one_line(text) + "'";
  };
}

std::function<std::string(const std::string&)> either(const std::string& one, const std::string& other) {
  return [=](const std::string& text) -> std::string {
    if (text == one || text == other) return {};
    return "expected " + one + " or " + other + ", got '" + one_line(text) + "'";
  };
}

bool is_text(const std::string& text) {
  const auto control = [](unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) return false;
  try {
    return !nlohmann::json(text).dump().empty();  // throws for what is not UTF-8
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

void require_text(const std::string& field, const std::string& text) {
  if (is_blank(text)) {
    const std::string what = field == "source" ? "the caption of the picture" : "the prompt of the edit";
    throw usage_error(field, "expected " + what + ", got an empty text");
  }
  if (!is_text(text))
    throw usage_error(field, "is not valid text: expected UTF-8 without control characters");
}

}  // namespace forgedit
