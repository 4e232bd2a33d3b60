#include "forgedit/jobs/story.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {
namespace {

using nlohmann::json;

std::vector<std::string> lines_of(std::string text) {
  if (starts_with(text, "\xEF\xBB\xBF")) text.erase(0, 3);  // a byte-order mark
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(trimmed(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

/// A mistake in `line`: a file that is wrong, or a wrong key of the request.
Error line_error(const StoryLine& line, const std::string& key, const std::string& message) {
  if (line.in_request) return usage_error(line.origin + (key.empty() ? "" : "." + key), message);
  return failure(line.origin + ": " + (key.empty() ? "" : key + ": ") + one_line(message, kMostMessage));
}

json parse_line(const std::string& line) {
  try {
    auto object = json::parse(line);
    if (object.is_object()) return object;
  } catch (const json::out_of_range& error) {
    throw usage_error(json_mistake(error));
  } catch (const json::parse_error&) {  // see below
  }
  throw usage_error(
      "expected a target prompt or one JSON object (a prompt that begins with { goes into its \"target\")");
}

/// One JSON line over a request that has all that it does not say.
EditRequest request_of_object(const json& object, const EditRequest& base) {
  RequestReader reader(object, "");
  const auto line = read_story_target(reader);
  auto request = with_settings(base, line.sweep);
  check_interpolation(line.sweep, request.interpolation);
  request.targets = {line.target};
  return request;
}

EditRequest request_of_line(const StoryLine& line, const EditRequest& base) {
  auto request = base;
  if (!starts_with(line.text, "{")) {
    request.targets = {line.text};
    return request;
  }
  return request_of_object(parse_line(line.text), base);
}

}  // namespace

std::vector<StoryLine> story_lines(const std::string& text, const std::string& name) {
  if (text.size() > kMaxStoryBytes) {
    throw failure(name + ": too large for a story: expected at most " + std::to_string(kMaxStoryBytes >> 20) +
                  " MiB");
  }
  std::vector<StoryLine> lines;
  std::size_t number = 0;
  for (auto& line : lines_of(text)) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    lines.push_back({name + ":" + std::to_string(number), std::move(line)});
  }
  if (lines.empty()) throw failure(name + ": expected at least one line with a target");
  return lines;
}

std::vector<StoryLine> read_story(const std::filesystem::path& file) {
  return story_lines(read_file(file, kMaxStoryBytes), file.string());
}

std::vector<EditRequest> requests_of_story(const std::vector<StoryLine>& lines, const EditRequest& base) {
  std::vector<EditRequest> requests;
  for (const auto& line : lines) {
    try {
      auto request = request_of_line(line, base);
      if (!is_text(request.targets.front())) {
        throw usage_error("the target is not valid text: expected UTF-8 without control characters");
      }
      plan_edit({request});
      requests.push_back(std::move(request));
    } catch (const Error& error) {
      throw line_error(line, error.field(), error.what());
    }
  }
  return requests;
}

}  // namespace forgedit
