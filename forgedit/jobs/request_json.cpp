#include "forgedit/jobs/request_json.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// `parse` of a text that is there; its Error names the key, not what `parse` calls it.
template <typename Parse>
void parsed(RequestReader& reader, const char* key, Parse parse, const char* alias = nullptr) {
  std::string text;
  reader.text(key, text, alias);
  if (text.empty() && !reader.find(key, alias)) return;
  try {
    parse(text);
  } catch (const Error& error) {
    throw Error(error.kind(), error.what(), reader.path_of(reader.written(key, alias)));
  }
}

/// A reference that the front end looks up; `resolve` is null where it takes none.
std::filesystem::path resolved(RequestReader& reader, const char* key,
                               const std::function<std::filesystem::path(const std::string&)>& resolve,
                               const char* alias = nullptr) {
  std::filesystem::path place;
  parsed(
      reader, key,
      [&](const std::string& reference) {
        if (!resolve) throw usage_error("is not accepted here");
        place = resolve(reference);
      },
      alias);
  return place;
}

std::filesystem::path required(RequestReader& reader, const char* key, const char* what,
                               const std::function<std::filesystem::path(const std::string&)>& resolve) {
  auto place = resolved(reader, key, resolve);
  if (place.empty()) reader.reject(key, std::string("give ") + what);
  return place;
}

void read_background(RequestReader& reader, std::array<std::uint8_t, 3>& background) {
  parsed(reader, "background",
         [&](const std::string& text) { background = parse_colour("background", text); });
}

void read_size(RequestReader& reader, std::optional<std::pair<int, int>>& size) {
  const auto* found = reader.find("size");
  if (!found) return;
  const auto text = found->is_string() ? found->get<std::string>() : found->dump();
  try {
    size = parse_size("size", text);
  } catch (const Error& error) {
    reader.reject("size", error.what());
  }
}

/// "X,Y,WIDTH,HEIGHT", or a list of these four.
void read_region(RequestReader& reader, std::optional<Region>& region) {
  const auto* found = reader.find("region");
  if (!found) return;
  auto text = found->is_string() ? found->get<std::string>() : found->dump();
  if (found->is_array()) text = text.substr(1, text.size() - 2);
  try {
    region = parse_region("region", text);
  } catch (const Error& error) {
    reader.reject("region", error.what());
  }
}

/// Where results go, for who lets requests say so.
void read_out(RequestReader& reader, const RequestRules& rules, std::filesystem::path& out) {
  if (!rules.names_results) return;
  parsed(reader, "out", [&](const std::string& path) { out = path; });
  if (out.empty()) reader.reject("out", "give the folder for the results");
}

void read_save(RequestReader& reader, const RequestRules& rules, LearnRequest& request) {
  if (!rules.names_results) return;
  parsed(reader, "save", [&](const std::string& path) { request.save = path; });
  reader.boolean("overwrite", request.overwrite);
}

/// All that learning has but the picture.
void read_learning(RequestReader& reader, LearnRequest& request) {
  auto& o = request.options;
  parsed(reader, "method", [&](const std::string& name) { o = published_options(parse_learn_method(name)); });
  parsed(reader, "learn", [&](const std::string& name) { set_tuning(o, parse_tuning(name)); });
  reader.text("source", request.source);
  reader.text("captioner", request.captioner);
  read_background(reader, request.background);
  read_size(reader, request.size);
  for (const auto& number : learn_numbers()) {
    if (reader.find(number.name)) request.chosen.insert(number.name);
    if (number.whole) {
      reader.whole(number.name, number.whole(o), static_cast<std::int64_t>(number.low),
                   static_cast<std::int64_t>(number.high));
    } else {
      reader.real(number.name, number.real(o), number.low, number.high);
    }
  }
  parsed(reader, "layers", [&](const std::string& name) { o.layers = parse_layer_scope(name); });
  if (reader.find("stratified_timesteps")) request.chosen.insert("stratified_timesteps");
  reader.boolean("stratified_timesteps", o.stratified_timesteps);
  reader.boolean("fast", o.fast);
}

void read_judge(RequestReader& reader, ScoreFiles& files) {
  reader.text("clip", files.clip);
  if (auto lpips = reader.texts("lpips", nullptr)) files.lpips = std::move(*lpips);
}

/// true, false, or an object with limits.
void read_auto(RequestReader& reader, std::optional<AutoRequest>& automatic) {
  const auto* found = reader.find("auto");
  if (!found) return;
  if (*found == false) return automatic.reset();
  auto& request = automatic ? *automatic : automatic.emplace();
  if (found->is_boolean()) return;
  RequestReader limits(*found, reader.path_of("auto"));
  std::optional<std::int64_t> pictures;
  limits.whole("pictures", pictures, 1, static_cast<std::int64_t>(kMostAutoPictures));
  if (pictures) request.pictures = static_cast<std::size_t>(*pictures);
  limits.real("seconds", request.seconds, 1, 1e6);
  limits.whole("steps", request.steps, 1, kMaxSteps);
  read_judge(limits, request.judge);
  limits.finish();
}

/// The keys of a sweep, which also a line of a story may have.
void read_sweep(RequestReader& reader, SweepRequest& sweep) {
  const auto given = [](auto& value, auto read) {
    if (read) value = std::move(read);
  };
  given(sweep.forget, reader.words("forget"));
  parsed(reader, "interpolation",
         [&](const std::string& name) { sweep.interpolation = parse_interpolation(name); });
  given(sweep.gamma, reader.numbers("gamma"));
  given(sweep.alpha, reader.numbers("alpha"));
  given(sweep.beta, reader.numbers("beta"));
  given(sweep.seeds, reader.seeds("seeds", "seed"));
  std::optional<std::int64_t> repeat;
  reader.whole("repeat", repeat, 1, 1000);
  if (repeat) sweep.repeat = static_cast<std::uint64_t>(*repeat);
  reader.boolean("unlearned", sweep.unlearned);
  parsed(reader, "sampler", [&](const std::string& name) { sweep.sampler = find_sampler(name).kind; });
  reader.whole("steps", sweep.steps, 1, kMaxSteps);
  reader.real("start", sweep.start, kLeastStart, 1);
  reader.boolean("protect", sweep.protect);
  reader.real("guidance_scale", sweep.guidance_scale, 0, 100, "guidance");
  parsed(
      reader, "negative", [&](const std::string& text) { sweep.negative = text; }, "negative_prompt");
}

/// How results are generated and written, but for what differs between them.
void read_output(RequestReader& reader, const RequestRules& rules, EditJob& job) {
  reader.real("blend", job.drawing.blend, 0, 1);
  reader.whole("draw_batch", job.drawing.batch, 1, 1000);
  parsed(reader, "output_size", [&](const std::string& name) {
    if (name != "model" && name != "source")
      throw usage_error("expected model or source, got '" + name + "'");
    job.at_source_size = name == "source";
  });
  read_region(reader, job.region);
  if (reader.find("mask")) job.mask = resolved(reader, "mask", rules.picture);
  reader.boolean("metadata", job.metadata);
  parsed(reader, "safety", [&](const std::string& name) { job.safety = parse_safety_mode(name); });
}

std::vector<StoryLine> read_story_lines(RequestReader& reader) {
  std::vector<StoryLine> lines;
  const auto* found = reader.find("story");
  if (!found) return lines;
  if (!found->is_array() || found->empty()) reader.reject("story", "expected a list of targets");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto origin = fmt::format("{}[{}]", reader.path_of("story"), i);
    const auto& item = (*found)[i];
    if (!item.is_string() && !item.is_object()) throw usage_error(origin, "expected a target or an object");
    const auto object = item.is_string() ? json{{"target", item}} : item;
    RequestReader line(object, origin);
    read_story_target(line);
    lines.push_back({origin, object.dump(), /*in_request=*/true});
  }
  return lines;
}

EditJob read_edit(RequestReader& reader, const RequestRules& rules) {
  EditJob job;
  read_edit_keys(reader, rules, job);
  return job;
}

LearnRequest read_learn(RequestReader& reader, const RequestRules& rules) {
  LearnRequest request;
  request.picture = required(reader, "picture", "the picture", rules.picture);
  read_learning(reader, request);
  read_save(reader, rules, request);
  reader.text("target", request.target);
  std::int64_t seed = 0;
  reader.whole("seed", seed, 0, INT64_MAX);
  request.options.seed = static_cast<std::uint64_t>(seed);
  parsed(reader, "preset", [&](const std::string& name) { request.published = is_published_preset(name); });
  return request;
}

CaptionRequest read_caption(RequestReader& reader, const RequestRules& rules) {
  CaptionRequest request;
  request.pictures = {required(reader, "picture", "the picture", rules.picture)};
  reader.text("captioner", request.captioner);
  reader.whole("beams", request.beams, 1, 64);
  return request;
}

DrawRequest read_draw(RequestReader& reader, const RequestRules& rules) {
  DrawRequest request;
  request.learned = required(reader, "learned", "the saved edit", rules.learned);
  reader.text("target", request.target);
  if (request.target.empty()) reader.reject("target", "give the prompt of the edit");
  read_sweep(reader, request.sweep);
  reader.real("blend", request.blend, 0, 1);
  read_out(reader, rules, request.out);
  return request;
}

ExportRequest read_export(RequestReader& reader, const RequestRules& rules) {
  ExportRequest request;
  request.learned = required(reader, "learned", "the saved edit", rules.learned);
  reader.text("to", request.to);
  reader.text("forget", request.forget);
  reader.real("blend", request.blend, 0, 1);
  reader.text("dtype", request.dtype);
  reader.whole("rank", request.rank, 1, 4096);
  reader.real("energy", request.energy, 0.01, 1);
  read_out(reader, rules, request.out);
  return request;
}

ScoreRequest read_score(RequestReader& reader, const RequestRules& rules) {
  ScoreRequest request;
  request.original = required(reader, "picture", "the picture", rules.picture);
  const auto edited = reader.texts("edited", nullptr);
  if (!edited) reader.reject("edited", "give the images to score");
  if (!rules.picture) reader.reject("edited", "is not accepted here");
  try {
    for (const auto& reference : *edited) request.edited.push_back(rules.picture(reference));
  } catch (const Error& error) {
    reader.reject("edited", error.what());
  }
  reader.text("target", request.target);
  reader.text("source", request.source);
  read_background(reader, request.background);
  read_judge(reader, request.judge);
  return request;
}

template <typename Read>
JobRequest read_as(RequestReader& reader, const RequestRules& rules, Read read) {
  return JobRequest(read(reader, rules));
}

struct RequestKind {
  const char* name;
  JobRequest (*read)(RequestReader&, const RequestRules&);
};

constexpr std::array kKinds{
    RequestKind{"edit", [](auto& reader, auto& rules) { return read_as(reader, rules, read_edit); }},
    RequestKind{"learn", [](auto& reader, auto& rules) { return read_as(reader, rules, read_learn); }},
    RequestKind{"draw", [](auto& reader, auto& rules) { return read_as(reader, rules, read_draw); }},
    RequestKind{"caption", [](auto& reader, auto& rules) { return read_as(reader, rules, read_caption); }},
    RequestKind{"export", [](auto& reader, auto& rules) { return read_as(reader, rules, read_export); }},
    RequestKind{"score", [](auto& reader, auto& rules) { return read_as(reader, rules, read_score); }},
};

const RequestKind& kind_of(RequestReader& reader) {
  std::string name = "edit";
  reader.text("kind", name);
  std::vector<std::string> names;
  for (const auto& kind : kKinds) {
    if (name == kind.name) return kind;
    names.emplace_back(kind.name);
  }
  reader.reject("kind", "expected edit, learn, draw, caption, export or score, got '" + name + "'" +
                            did_you_mean(name, names));
}

}  // namespace

void read_edit_keys(RequestReader& reader, const RequestRules& rules, EditJob& job) {
  job.from = resolved(reader, "learned", rules.learned, "from");
  job.learn.picture = resolved(reader, "picture", rules.picture, "image");
  if (job.from.empty() == job.learn.picture.empty()) {
    reader.reject("picture", "expected either picture (or image) or learned (or from): what to edit" +
                                 reader.misspelt({"picture", "image", "learned", "from"}));
  }
  if (job.from.empty()) {
    read_learning(reader, job.learn);
    read_save(reader, rules, job.learn);
  }
  read_out(reader, rules, job.out);
  if (auto targets = reader.texts("targets", "target")) job.targets = std::move(*targets);
  if (auto story = read_story_lines(reader); !story.empty()) job.story = std::move(story);
  parsed(reader, "preset", [&](const std::string& name) { job.sweep.preset = parse_preset(name); });
  read_sweep(reader, job.sweep);
  read_auto(reader, job.automatic);
  read_output(reader, rules, job);
}

void read_preset_keys(RequestReader& reader, EditJob& job) {
  read_learning(reader, job.learn);
  read_sweep(reader, job.sweep);
  read_auto(reader, job.automatic);
  read_output(reader, {}, job);
  reader.finish();
}

void check_version(RequestReader& reader) {
  std::int64_t version = kRequestVersion;
  reader.whole("version", version, 0, INT64_MAX);
  if (version == kRequestVersion) return;
  reader.reject("version", fmt::format("expected {}, got {}: a request of another version of forgedit",
                                       kRequestVersion, version));
}

StoryTarget read_story_target(RequestReader& reader) {
  StoryTarget line;
  reader.text("target", line.target);
  if (line.target.empty()) reader.reject("target", "give the prompt of the edit");
  read_sweep(reader, line.sweep);
  reader.finish();
  return line;
}

JobRequest request_from_json(const json& request, const RequestRules& rules) {
  RequestReader reader(request, "");
  check_version(reader);
  if (rules.model) parsed(reader, "model", rules.model);
  auto result = kind_of(reader).read(reader, rules);
  reader.finish();
  return result;
}

}  // namespace forgedit
