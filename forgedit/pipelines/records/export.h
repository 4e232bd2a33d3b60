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
  diffusers,    ///< a complete model folder
  single_file,  ///< a single-file checkpoint with LDM names, and a tokenizer beside it
  lora,         ///< only the change of weights, as a LoRA with kohya's names
};

/// Parses "diffusers", "single-file" or "lora". Throws a usage Error that lists the known names.
ExportFormat parse_export_format(const std::string& name);
/// Parses "fp16", "bf16" or "fp32". Throws a usage Error that lists the known names.
at::ScalarType parse_stored_dtype(const std::string& name);

struct ExportOptions {
  ExportFormat format = ExportFormat::diffusers;
  std::string forget = "donotforget";
  double blend = 0;  ///< value of the forgotten parameters: 0 is original, 1 is learned
  at::ScalarType dtype = at::kFloat;
  LoraOptions lora;
};

struct ExportResult {
  std::vector<std::filesystem::path> written;  ///< the model first, then the files beside it
  Lora lora;                                   ///< set for ExportFormat::lora
};

/// Throws a usage Error if `out` exists already, or has the wrong file extension.
void check_export_target(const std::filesystem::path& out, ExportFormat format);

/// Writes `learned`, which must be attached to `model`, with the learned embedding beside it or in the
/// folder, and a report for a LoRA. Either all files appear or none. Restores the model's own weights before
/// it returns or throws.
ExportResult export_learned(StableDiffusion& model, const LearnedPicture& learned,
                            const std::filesystem::path& out, const ExportOptions& options);

}  // namespace forgedit
