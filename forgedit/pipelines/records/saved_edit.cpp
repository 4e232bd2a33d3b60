#include "forgedit/pipelines/records/saved_edit.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/staging.h"
#include "forgedit/core/text.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/records/saved_subject.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// 1: without "precision" and "files". 3: with adapters; all others are still 2. Readers accept all three.
constexpr int kFormat = 3, kFormatOfWeights = 2;
constexpr const char* kRecord = kSavedRecordFile;
constexpr const char* kUnet = "unet.safetensors";
constexpr const char* kLora = "lora.safetensors";
constexpr const char* kTextEncoder = "text_encoder.safetensors";
constexpr const char* kEmbedding = "embedding.safetensors";
constexpr const char* kOriginal = "original.png";
constexpr const char *kEpsilon = "epsilon", *kVelocity = "v_prediction";
constexpr std::array kFiles{kRecord, kUnet, kLora, kTextEncoder, kEmbedding, kOriginal};

json record_of(const LearnedPicture& learned, const json& files) {
  json record{{"format", learned.options.tuning == Tuning::lora ? kFormat : kFormatOfWeights},
              {"software", learned.software},
              {"picture", learned.picture_name},
              {"source", learned.source},
              {"background", learned.background},
              {"stretched", learned.stretched},
              {"base_model",
               {{"name", learned.base_name},
                {"fingerprint", learned.base_fingerprint},
                {"fingerprint_method", learned.fingerprint_method}}},
              {"memory", learned.memory},
              {"precision", learned.precision},
              {"learning", to_json(learned.options)},
              {"losses", learned.result.losses},
              {"frame", to_json(learned.frame)},
              {"files", files}};
  if (!learned.result.known.empty()) record["known"] = learned.result.known;
  if (learned.prediction == PredictionType::v_prediction) record["prediction_type"] = kVelocity;
  return record;
}

std::string pixels_hash(const Image& image) {
  return content_hash({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

const json& child_object(const std::string& origin, const json& record, const char* key) {
  const auto found = record.find(key);
  if (found == record.end() || !found->is_object())
    throw failure(origin + ": " + key + ": expected an object");
  return *found;
}

std::vector<double> read_numbers(const std::string& origin, const json& record, const char* key) {
  const auto found = record.find(key);
  const auto is_number = [](const json& value) { return value.is_number(); };
  if (found == record.end() || !found->is_array() || !std::all_of(found->begin(), found->end(), is_number)) {
    throw failure(origin + ": " + key + ": expected a list of numbers");
  }
  return found->get<std::vector<double>>();
}

void read_record(const fs::path& path, LearnedPicture& learned) {
  const auto record = read_json_object(path);
  const auto origin = path.string();
  const ConfigReader reader(origin, record);
  if (const auto format = reader.integer("format", {}, 0, INT32_MAX); format < 1 || format > kFormat) {
    reader.reject("format", "expected 1 to " + std::to_string(kFormat) + ", found " + std::to_string(format) +
                                ": saved by another version");
  }
  learned.software = reader.text("software", "");
  learned.picture_name = reader.text("picture", "");
  // The name becomes part of file names of results.
  if (const fs::path name = learned.picture_name; name.filename() != name || name == "." || name == "..") {
    reader.reject("picture", "expected a file name without folders, found '" + learned.picture_name + "'");
  }
  learned.source = reader.text("source", {});
  learned.background = reader.text("background", "");
  learned.stretched = reader.boolean("stretched", false);
  learned.memory = reader.text("memory", "");
  learned.precision = reader.text("precision", "");
  const ConfigReader base(origin + ": base_model", child_object(origin, record, "base_model"));
  learned.base_name = base.text("name", "");
  learned.base_fingerprint = base.text("fingerprint", {});
  learned.fingerprint_method = static_cast<int>(base.integer("fingerprint_method", 1, 0, INT32_MAX));
  learned.options = learn_options_from_json(origin + ": learning", child_object(origin, record, "learning"));
  learned.frame = frame_from_json(origin + ": frame", child_object(origin, record, "frame"));
  learned.result.losses = read_numbers(origin, record, "losses");
  if (reader.has("known")) learned.result.known = read_numbers(origin, record, "known");
  const auto prediction = reader.text("prediction_type", kEpsilon);
  if (prediction != kEpsilon && prediction != kVelocity) {
    reader.reject("prediction_type",
                  std::string("expected ") + kEpsilon + " or " + kVelocity + ", found " + prediction);
  }
  if (prediction == kVelocity) learned.prediction = PredictionType::v_prediction;
  tell_how_it_ended(learned.result, learned.options, learned.prediction);
}

/// Returns one tensor of an embedding's file. `shape` is its shape for people.
torch::Tensor part_of_embedding(const fs::path& path, const StateDict& tensors, const std::string& name,
                                std::int64_t dimensions, const std::string& shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw failure(path.string() + ": " + name + ": missing");
  const auto& part = found->second;
  if (!part.is_floating_point() || part.dim() != dimensions || part.size(0) != 1) {
    throw failure(path.string() + ": " + name + ": expected floating point " + shape + ", found " +
                  std::string(part.dtype().name()) + " " + shape_text(part.sizes()));
  }
  return part.to(torch::kFloat);
}

TextEmbedding embedding_of(const fs::path& path, const StateDict& tensors) {
  TextEmbedding embedding{part_of_embedding(path, tensors, kEmbeddingTokens, 3, "1xTOKENSxWIDTH"), {}};
  if (tensors.count(kEmbeddingPooled) > 0)
    embedding.pooled = part_of_embedding(path, tensors, kEmbeddingPooled, 2, "1xWIDTH");
  if (tensors.size() > (embedding.pooled.defined() ? 2 : 1)) {
    throw failure(path.string() + ": expected the tensors `embedding` and `pooled`, and no other");
  }
  return embedding;
}

/// Reads files of a saved edit, and compares them with the hashes in its record if that has them.
class SavedFiles {
 public:
  explicit SavedFiles(const fs::path& directory) : directory_(directory) {
    const auto record = read_json_object(directory / kRecord);
    if (record.value("format", json()) == 1) return;
    hashes_ = child_object((directory / kRecord).string(), record, "files");
  }

  TextEmbedding embedding(const char* name) const {
    const auto tensors = read_safetensors(directory_ / name).tensors;
    auto embedding = embedding_of(directory_ / name, tensors);
    check(name, fingerprint(tensors));
    return embedding;
  }
  StateDict weights(const char* name) const {
    const auto path = directory_ / name;
    auto tensors = read_safetensors(path).tensors;
    for (const auto& [key, tensor] : tensors) {
      if (tensor.is_floating_point()) continue;
      throw failure(path.string() + ": " + key + ": expected floating point, found " +
                    std::string(tensor.dtype().name()));
    }
    check(name, fingerprint(tensors));
    return tensors;
  }
  Image picture(const char* name) const {
    auto image = read_image(directory_ / name);
    check(name, pixels_hash(image));
    return image;
  }

 private:
  void check(const char* name, const std::string& hash) const {
    if (!hashes_ || hashes_->value(name, json()) == hash) return;
    throw failure((directory_ / name).string() + ": does not match " + kRecord +
                  ": damaged, or from another saved edit");
  }

  fs::path directory_;
  std::optional<json> hashes_;
};

/// Whether it is the name of a temporary file that an earlier version left when it was killed.
bool is_old_temporary(const std::string& name) {
  const auto is_of = [&](const char* file) {
    const std::string start = std::string(file) + ".";
    return starts_with(name, start) && fs::path(name).extension() == ".tmp" &&
           name.find_first_not_of("0123456789", start.size()) ==
               name.size() - std::string_view(".tmp").size();
  };
  return std::any_of(kFiles.begin(), kFiles.end(), is_of);
}

/// Returns the folder that `directory` links to: a link cannot be exchanged with a folder.
fs::path real_folder(const fs::path& directory) {
  auto path = fs::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? fs::path(real.get()) : path;
}

}  // namespace

bool is_saved_edit(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / kRecord, error);
}

bool learns_the_same(const PictureToLearn& one, const PictureToLearn& other) {
  const auto settings = [](const PictureToLearn& p) {
    return std::tie(p.source, p.base_fingerprint, p.fingerprint_method, p.background, p.stretched, p.memory,
                    p.precision, p.grid.width, p.grid.height, p.grid.pixels);
  };
  return settings(one) == settings(other) && to_json(one.options) == to_json(other.options) &&
         to_json(one.frame) == to_json(other.frame);
}

void check_saved_edit_target(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return;
  if (!fs::is_directory(directory, error)) {
    throw usage_error(directory.string() + ": expected a folder for the saved edit, found a file");
  }
  struct stat folder {
  }, parent{};
  const auto real = real_folder(directory);
  if (::stat(real.c_str(), &folder) == 0 && ::stat(real.parent_path().c_str(), &parent) == 0 &&
      (folder.st_dev != parent.st_dev || real == real.parent_path())) {
    throw usage_error(directory.string() + ": is a mount point; choose a folder inside it");
  }
  const auto here = real_folder(".");
  if (const auto inside = here.lexically_relative(real); !inside.empty() && *inside.begin() != "..") {
    throw usage_error(directory.string() + ": is the current folder or above it; choose another folder");
  }
  for (const auto& name : list_directory(directory)) {
    if (std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() || is_old_temporary(name) ||
        starts_with(name, ".forgedit")) {
      continue;
    }
    throw usage_error(directory.string() + ": contains " + name +
                      ", which is not part of a saved edit; choose a new or empty folder");
  }
}

namespace {

void write_to(const fs::path& target, const LearnedPicture& learned, const StopFlag* stop) {
  Staging staging(target.parent_path());
  const auto name = target.filename().string();
  const auto folder = staging.folder() / name;
  make_directory(folder);
  json files;
  const auto write_tensors = [&](const char* file, const StateDict& state) {
    StateDict floats;
    for (const auto& [key, tensor] : state) floats.emplace(key, tensor.to(torch::kFloat));
    write_safetensors(folder / file, floats, {}, stop);
    if (stop) stop->throw_if_stopped();
    files[file] = fingerprint(floats);
  };
  if (learned.options.tuning == Tuning::lora) {
    write_tensors(kLora, learned.result.lora);
  } else {
    write_tensors(kUnet, learned.result.unet);
  }
  if (learns_text_encoder(learned)) write_tensors(kTextEncoder, learned.result.text_encoder);
  write_tensors(kEmbedding, embedding_tensors(learned.result.embedding));
  write_png(folder / kOriginal, learned.grid);
  files[kOriginal] = pixels_hash(learned.grid);
  write_file_atomically(folder / kRecord, json_text(record_of(learned, files), 1) + "\n");
  staging.replace(name);
}

/// Returns an unused path beside `target`: "cat.edit-2".
fs::path free_place(const fs::path& target) {
  std::error_code error;
  for (int n = 2;; ++n) {
    auto place = target;
    place += "-" + std::to_string(n);
    if (!fs::exists(fs::symlink_status(place, error))) return place;
  }
}

}  // namespace

void write_saved_edit(const fs::path& directory, const LearnedPicture& learned, const StopFlag* stop) {
  const auto target = real_folder(directory);
  try {
    check_saved_edit_target(directory);
  } catch (const Error& error) {
    const auto place = free_place(target);
    write_to(place, learned, stop);
    throw failure(std::string(error.what()) + "; the learned weights were saved in " + place.string());
  }
  write_to(target, learned, stop);
}

namespace {

/// Describes the first setting of fine-tuning that differs: "samples 400 instead of 20".
std::string changed_option(const json& saved, const json& wanted, const std::string& path = "") {
  for (const auto& [key, value] : saved.items()) {  // settings in records that are not the usual ones
    if (!wanted.contains(key)) return path + key + " " + value.dump() + ", which this request does not set";
  }
  for (const auto& [key, value] : wanted.items()) {
    const auto found = saved.find(key);
    const auto name = path + key;
    if (found != saved.end() && *found == value) continue;
    if (value.is_object() && found != saved.end() && found->is_object()) {
      return changed_option(*found, value, name + ".");
    }
    return name + " " + (found == saved.end() ? "unknown" : found->dump()) + " instead of " + value.dump();
  }
  return {};
}

}  // namespace

std::string saved_difference(const fs::path& directory, const PictureToLearn& wanted) {
  const auto saved = read_saved_record(directory);
  const auto said = [](const std::string& text) { return text.empty() ? "unknown" : text; };
  if (!wanted.grid.pixels.empty()) {
    const auto picture = read_image(directory / kOriginal);
    const auto is_same = picture.pixels == wanted.grid.pixels;
    if (!is_same && to_json(saved.frame) == to_json(wanted.frame)) {
      return "of another picture (" + said(saved.picture_name) + ")";
    }
    if (!is_same || to_json(saved.frame) != to_json(wanted.frame)) {
      return "of another picture or at another size (" + said(saved.picture_name) + ", " +
             std::to_string(saved.frame.source_width) + "x" + std::to_string(saved.frame.source_height) +
             ", learned at " + std::to_string(saved.frame.width) + "x" + std::to_string(saved.frame.height) +
             ")";
    }
  }
  if (!wanted.source.empty() && saved.source != wanted.source)
    return "with the source \"" + saved.source + "\"";
  const auto options = to_json(saved.options), wanted_options = to_json(wanted.options);
  if (options != wanted_options) return "with " + changed_option(options, wanted_options);
  if (!saved.precision.empty() && saved.precision != wanted.precision) return "in " + saved.precision;
  if (!wanted.base_fingerprint.empty() && saved.base_fingerprint != wanted.base_fingerprint) {
    return "with another base model (" + said(saved.base_name) + ")";
  }
  return {};
}

namespace {

void require_saved_edit(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    // A killed process may have left an unfinished exchange.
    clear_leftovers(real_folder(directory).parent_path());
  }
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such folder of a saved edit");
  if (!is_saved_edit(directory)) {
    throw failure(directory.string() + ": not a saved edit: expected " + kRecord + " in it");
  }
}

}  // namespace

std::string saved_edit_stamp(const fs::path& directory) {
  require_saved_edit(directory);
  auto text = read_file(directory / kRecord);
  for (const char* name : kFiles) {
    struct stat file {};
    if (::stat((directory / name).c_str(), &file) != 0) continue;
    for (const auto number :
         {static_cast<std::int64_t>(file.st_ino), static_cast<std::int64_t>(file.st_size),
          static_cast<std::int64_t>(file.st_mtim.tv_sec), static_cast<std::int64_t>(file.st_mtim.tv_nsec)}) {
      text += " " + std::to_string(number);
    }
  }
  return content_hash(text);
}

LearnedPicture read_saved_record(const fs::path& directory) {
  require_saved_edit(directory);
  LearnedPicture learned;
  read_record(directory / kRecord, learned);
  return learned;
}

LearnedPicture read_saved_edit(const fs::path& directory) {
  auto learned = read_saved_record(directory);
  const SavedFiles files(directory);
  learned.result.embedding = files.embedding(kEmbedding);
  if (learned.options.tuning == Tuning::lora) {
    learned.result.lora = files.weights(kLora);
  } else {
    learned.result.unet = files.weights(kUnet);
  }
  if (learns_text_encoder(learned)) learned.result.text_encoder = files.weights(kTextEncoder);
  learned.grid = files.picture(kOriginal);
  if (learned.grid.width != learned.frame.grid_width || learned.grid.height != learned.frame.grid_height) {
    throw failure((directory / kOriginal).string() + ": expected " +
                  std::to_string(learned.frame.grid_width) + "x" + std::to_string(learned.frame.grid_height) +
                  " pixels as " + kRecord + " says, found " + std::to_string(learned.grid.width) + "x" +
                  std::to_string(learned.grid.height));
  }
  return learned;
}

StateDict embedding_tensors(const TextEmbedding& embedding) {
  StateDict tensors{{kEmbeddingTokens, embedding.tokens.to(torch::kFloat)}};
  if (embedding.pooled.defined()) tensors.emplace(kEmbeddingPooled, embedding.pooled.to(torch::kFloat));
  return tensors;
}

}  // namespace forgedit
