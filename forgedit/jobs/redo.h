#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/requests.h"

namespace forgedit {

/// An image of ours, to be generated again from the settings in its PNG.
struct RedoRequest {
  std::filesystem::path picture;               ///< a PNG of ours
  std::filesystem::path from;                  ///< the saved edit; empty: search for it
  std::filesystem::path original;              ///< the picture that was edited; empty: search for it
  std::filesystem::path mask;                  ///< needed where one was used
  std::filesystem::path save;                  ///< see LearnRequest
  std::vector<std::filesystem::path> folders;  ///< where to look
};

/// The job that generates a picture again.
struct Redo {
  EditJob job;            ///< of that picture only, without a folder for its results
  std::string model;      ///< the model's name, as records have it
  std::string precision;  ///< "fp32" or "bf16"; empty: the picture does not say
  std::string plan;       ///< for people: the saved edit, or the picture for fine-tuning again
};

/// Reads the image's settings and finds a saved edit with the same fine-tuning, else the picture that was
/// edited, whose pixels must be the same. The job ends before fine-tuning if the model or anything else that
/// determines the pixels differs; `warn` receives a different device, precision or LibTorch. Throws Error if
/// settings, saved edit, picture or mask are missing or differ.
Redo plan_redo(const RedoRequest& request, const std::function<void(const std::string&)>& warn);

/// How many pixels differ and by how much, for people; empty where the pictures are the same.
std::string pixel_difference(const Image& one, const Image& other);

}  // namespace forgedit
