#include "forgedit/jobs/parameters.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kCuts[] = {"Negative prompt:", "Steps:"};

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Beyond ASCII there are line breaks too.
constexpr std::pair<const char*, const char*> kLineBreaks[] = {
    {"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}};

bool needs_quotes(const std::string& value) {
  if (value.empty() || is_blank(value.front()) || is_blank(value.back())) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == ',' || c == ':' || c == '"' || c == '\\') return true;
  }
  return std::any_of(std::begin(kLineBreaks), std::end(kLineBreaks), [&](const auto& line_break) {
    return value.find(line_break.first) != std::string::npos;
  });
}

/// What is no UTF-8 replaced, since a PNG's text must be.
std::string well_formed(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string quoted(const std::string& text) {
  const auto value = well_formed(text);
  if (!needs_quotes(value)) return value;
  auto result = json(value).dump();
  for (const auto& [line_break, escape] : kLineBreaks) {
    for (auto at = result.find(line_break); at != std::string::npos; at = result.find(line_break, at)) {
      result.replace(at, std::string_view(line_break).size(), escape);
    }
  }
  return result;
}

std::string shown_prompt(std::string prompt) {
  for (std::size_t line = 0; line < prompt.size();) {
    auto begin = line;
    while (begin < prompt.size() && is_blank(prompt[begin]) && prompt[begin] != '\n') ++begin;
    for (const std::string cut : kCuts) {
      if (prompt.compare(begin, cut.size(), cut) != 0) continue;
      prompt[begin] = static_cast<char>(std::tolower(static_cast<unsigned char>(prompt[begin])));
    }
    const auto end = prompt.find('\n', begin);
    line = end == std::string::npos ? prompt.size() : end + 1;
  }
  return prompt;
}

}  // namespace

std::string parameters_text(const std::string& prompt, const std::string& negative,
                            const std::vector<std::pair<std::string, std::string>>& values) {
  auto text = shown_prompt(well_formed(prompt)) + "\n";
  if (!negative.empty()) text += "Negative prompt: " + shown_prompt(well_formed(negative)) + "\n";
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += (i > 0 ? ", " : "") + values[i].first + ": " + quoted(values[i].second);
  }
  return text;
}

}  // namespace forgedit
