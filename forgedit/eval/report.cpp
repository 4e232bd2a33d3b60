#include "forgedit/eval/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/eval/report_page.h"
#include "forgedit/io/pictures/encode_webp.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr int kLargeSide = 512, kSmallSide = 160;
constexpr int kQuality = 82;
constexpr std::size_t kMostLarge = 600;
constexpr const char* kPlace = "/*DATA*/null";  // in the page

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

std::string data_uri(const Image& picture, int longest) {
  const int side = std::max(picture.width, picture.height);
  const auto scaled = [&](int length) { return std::max(1, length * longest / side); };
  const auto small = side <= longest
                         ? picture
                         : resize(picture, scaled(picture.width), scaled(picture.height), Resample::lanczos);
  return "data:image/webp;base64," + base64(encode_webp(small, kQuality));
}

json metrics_json() {
  auto list = json::array();
  for (const auto& metric : bench_metrics()) {
    list.push_back({{"key", metric.key},
                    {"label", metric.label},
                    {"higher", metric.higher_is_better},
                    {"digits", metric.digits},
                    {"summary", metric.summary}});
  }
  return list;
}

json column_json(const std::string& name, const BenchSummary::Column& column) {
  return {{"name", name}, {"scores", column.scores}, {"seconds", column.seconds}, {"edits", column.edits}};
}

json summary_json(const BenchReport& report) {
  const auto summary = summarise(report.records);
  auto columns = json::array({column_json(report.fixed_name, summary.fixed)});
  if (summary.best && summary.most > 1) {
    columns.push_back(column_json("best of " + std::to_string(summary.most), *summary.best));
  }
  for (const auto& [name, column] : summary.more) columns.push_back(column_json(name, column));
  return {{"columns", columns},
          {"done", summary.done},
          {"failed", summary.failed},
          {"left_out", summary.left_out}};
}

json edit_json(const BenchReport& report, const EditRecord& record, bool all_large, json& originals) {
  auto result = to_json(record);
  if (record.state != EditRecord::State::done) return result;
  if (!originals.contains(record.edit.picture_name)) {
    originals[record.edit.picture_name] =
        data_uri(read_image(record.edit.picture, report.background), kLargeSide);
  }
  const auto* best = record.best();
  for (std::size_t i = 0; i < record.pictures.size(); ++i) {
    const auto& picture = record.pictures[i];
    const bool large = all_large || picture.fixed || picture.chosen || &picture == best;
    const auto file = report.pictures.empty() ? std::filesystem::path(picture.file)
                                              : report.pictures / record.edit.id / picture.file;
    auto& entry = result["pictures"][i];
    entry["src"] = data_uri(read_image(file, report.background), large ? kLargeSide : kSmallSide);
    entry["best"] = &picture == best && record.pictures.size() > 1;
    entry.erase("file");  // may be a local path
  }
  return result;
}

}  // namespace

void write_report(const std::filesystem::path& path, const BenchReport& report) {
  std::size_t pictures = 0;
  for (const auto& record : report.records) pictures += record.pictures.size();
  json data{{"title", report.title},           {"set", report.set},     {"metrics", metrics_json()},
            {"summary", summary_json(report)}, {"facts", report.facts}, {"edits", json::array()},
            {"originals", json::object()}};
  for (const auto& record : report.records) {
    try {
      data["edits"].push_back(edit_json(report, record, pictures <= kMostLarge, data["originals"]));
    } catch (const Error&) {
      auto unreadable = record;
      unreadable.state = EditRecord::State::failed;
      unreadable.reason = "one of its pictures is damaged: remove it and run again";
      data["edits"].push_back(to_json(unreadable));
    }
  }
  auto text = json_text(data);
  // Inside of a script element "</script" would end it.
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at)) {
    text.replace(at, 1, "\\u003c");
  }
  std::string page(kReportPage);
  const auto place = page.find(kPlace);
  page.replace(place, std::string(kPlace).size(), text);
  write_file_atomically(path, page);
}

}  // namespace forgedit
