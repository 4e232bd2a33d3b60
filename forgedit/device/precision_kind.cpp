#include "forgedit/device/precision_kind.h"

#include "forgedit/core/error.h"

namespace forgedit {

Precision parse_precision(const std::string& text) {
  if (text == "fp32") return Precision::fp32;
  if (text == "bf16") return Precision::bf16;
  if (text == "fp16" || text == "half" || text == "float16") {
    throw usage_error("precision",
                      "expected fp32 or bf16, got '" + text +
                          "': bf16 needs as little memory and time, and fine-tuning does not overflow in it");
  }
  throw usage_error("precision", "expected fp32 or bf16, got '" + text + "'");
}

const char* precision_name(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : "fp32";
}

}  // namespace forgedit
