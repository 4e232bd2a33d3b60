#include "forgedit/jobs/story.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/one_line.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::array kKeys{"target", "interpolation", "gamma", "alpha", "beta",
                           "forget", "seed",          "seeds", "steps", "guidance"};

std::string trimmed(const std::string& line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> lines_of(std::string text) {
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);  // a byte-order mark
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

/// One JSON line over a request that has all that it does not say.
class LineReader {
 public:
  LineReader(const std::string& origin, const json& object) : reader_(origin, object), object_(object) {}

  void read_into(EditRequest& request) const {
    check_keys();
    request.targets = {reader_.text("target", {})};
    take("interpolation", request.interpolation, parse_interpolation);
    check_strengths_fit(request.interpolation);
    take_numbers("gamma", request.gammas);
    take_numbers("alpha", request.alphas);
    take_numbers("beta", request.betas);
    if (reader_.has("forget")) {
      request.strategies = reader_.is_list("forget") ? reader_.texts("forget")
                                                     : std::vector<std::string>{reader_.text("forget", {})};
    }
    take_seeds(request.seeds);
    request.sample.steps = reader_.integer("steps", request.sample.steps, 1, kMaxSteps);
    auto& guidance = request.sample.guidance_scale;
    guidance = reader_.number("guidance", guidance);
    if (guidance < 0 || guidance > 100) reader_.reject("guidance", "expected a number from 0 to 100");
  }

 private:
  void check_keys() const {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) continue;
      std::string known;
      for (const char* name : kKeys) known += (known.empty() ? "" : ", ") + std::string(name);
      reader_.reject(key, "unknown key, expected one of " + known);
    }
  }
  void check_strengths_fit(Interpolation interpolation) const {
    const bool vs = interpolation == Interpolation::vector_subtraction;
    for (const char* key : {"gamma", "alpha", "beta"}) {
      if (!reader_.has(key) || (std::string(key) == "gamma") == vs) continue;
      reader_.reject(key, std::string("belongs to interpolation ") + (vs ? "vp" : "vs"));
    }
  }
  template <typename Value, typename Parse>
  void take(const char* key, Value& value, Parse parse) const {
    if (!reader_.has(key)) return;
    try {
      value = parse(reader_.text(key, {}));
    } catch (const Error& error) {
      reader_.reject(key, error.what());
    }
  }
  void take_numbers(const char* key, std::vector<double>& values) const {
    if (!reader_.has(key)) return;
    if (!reader_.is_list(key)) {
      values = {reader_.number(key, {})};
      return;
    }
    values.clear();
    for (const auto& item : object_.at(key)) {
      if (!item.is_number()) reader_.reject(key, "expected a number or a list of numbers");
      values.push_back(item.get<double>());
    }
  }
  void take_seeds(std::vector<std::uint64_t>& seeds) const {
    if (reader_.has("seed") && reader_.has("seeds"))
      reader_.reject("seed", "expected seed or seeds, found both");
    const auto one = [&](const char* key) {
      return std::vector<std::int64_t>{reader_.integer(key, {}, 0, INT64_MAX)};
    };
    std::vector<std::int64_t> found;
    if (reader_.has("seed")) found = one("seed");
    if (reader_.has("seeds")) {
      found = reader_.is_list("seeds") ? reader_.integers("seeds", 0, INT64_MAX) : one("seeds");
    }
    if (reader_.has("seed") || reader_.has("seeds")) seeds.assign(found.begin(), found.end());
  }

  ConfigReader reader_;
  const json& object_;
};

/// UTF-8 without control characters but tabs and line breaks: what a prompt, a label and a PNG's text can
/// hold.
bool is_text(const std::string& target) {
  const auto control = [](unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f; };
  if (std::any_of(target.begin(), target.end(), control)) return false;
  try {
    return !json(target).dump().empty();  // throws for what is not UTF-8
  } catch (const json::type_error&) {
    return false;
  }
}

json parse_line(const std::string& origin, const std::string& line) {
  auto object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    throw failure(origin +
                  ": expected a target prompt or one JSON object (a prompt that begins with { goes into "
                  "its \"target\")");
  return object;
}

}  // namespace

std::vector<EditRequest> parse_story(const std::string& text, const std::string& name,
                                     const EditRequest& base) {
  if (text.size() > kMaxStoryBytes) {
    throw failure(name + ": too large for a story: expected at most " + std::to_string(kMaxStoryBytes >> 20) +
                  " MiB");
  }
  std::vector<EditRequest> requests;
  std::size_t number = 0;
  for (const auto& line : lines_of(text)) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const auto origin = name + ":" + std::to_string(number);
    auto request = base;
    if (line.front() == '{') {
      LineReader(origin, parse_line(origin, line)).read_into(request);
    } else {
      request.targets = {line};
    }
    if (!is_text(request.targets.front())) {
      throw failure(origin + ": the target is no text: expected UTF-8 without control characters");
    }
    try {
      plan_edit({request});
    } catch (const Error& error) {
      throw failure(origin + ": " + one_line(error.what(), kMostMessage));
    }
    requests.push_back(std::move(request));
  }
  if (requests.empty()) throw failure(name + ": expected at least one target, a line each");
  return requests;
}

std::vector<EditRequest> read_story(const std::filesystem::path& file, const EditRequest& base) {
  return parse_story(read_file(file, kMaxStoryBytes), file.string(), base);
}

}  // namespace forgedit
