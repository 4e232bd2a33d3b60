#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/pipelines/model/progress.h"
#include "forgedit/pipelines/records/export_lora.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {

/// The formats of exports for other programs.
enum class ExportFormat {
  diffusers,    ///< a whole model folder
  single_file,  ///< one checkpoint under LDM names, a tokenizer beside it
  lora,         ///< only the change, at a low rank, under kohya's names
};

/// "diffusers", "single-file" or "lora". Throws a usage Error that lists the known names.
ExportFormat parse_export_format(const std::string& name);
/// "fp16", "bf16" or "fp32". Throws a usage Error that lists the known names.
at::ScalarType parse_stored_dtype(const std::string& name);

struct ExportOptions {
  ExportFormat format = ExportFormat::diffusers;
  std::string forget = "donotforget";
  double blend = 0;  ///< of forgotten weights: 0 original, 1 learned
  at::ScalarType dtype = at::kFloat;
  LoraOptions lora;
};

struct ExportResult {
  std::vector<std::filesystem::path> written;  ///< the model first, then what goes along
  Lora lora;                                   ///< for `lora`
};

/// Throws a usage Error if the target exists already, or has a wrong ending.
void check_export_target(const std::filesystem::path& out, ExportFormat format);

/// Writes `learned`, which is attached to `model` already, with the learned embedding beside it or in the
/// folder, and for a LoRA a report. Either all files appear or none. Restores the model's own weights before
/// it returns or throws.
ExportResult export_learned(StableDiffusion& model, const LearnedPicture& learned,
                            const std::filesystem::path& out, const ExportOptions& options);

}  // namespace forgedit
