#include "forgedit/pipelines/sampling/edit_plan.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

constexpr std::uint64_t kMaxPictures = 10'000;
constexpr std::uint64_t kMaxSeed = INT64_MAX;
constexpr std::size_t kHashDigits = 8;

/// Returns the whole prompt in one line.
std::string label_text(const std::string& prompt) {
  return one_line(prompt, prompt.size());
}

/// Returns "0.8", "1.0", "0.85": always with a decimal, so that names of one sweep look alike.
std::string number_text(double value) {
  auto text = fmt::format("{:.6g}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void check_strengths(const char* field, const std::vector<double>& values) {
  if (values.empty()) throw usage_error(field, "expected at least one strength");
  for (const double value : values) {
    if (!std::isfinite(value)) throw usage_error(field, "expected finite numbers");
  }
}

const char* interpolation_title(Interpolation interpolation) {
  return interpolation == Interpolation::vector_subtraction ? "vector subtraction" : "vector projection";
}

std::string seed_stem(std::uint64_t seed) {
  return "_seed" + std::to_string(seed);
}

std::string seed_label(const Candidate& candidate) {
  return "seed " + std::to_string(candidate.seed);
}

/// Sets the strength of one edit, and puts it into `label` and at the end of `stem`.
void set_strength(Candidate& candidate, Interpolation interpolation, double alpha, double strength) {
  candidate.interpolation = interpolation;
  candidate.strength = strength;
  if (interpolation == Interpolation::vector_subtraction) {
    candidate.stem = "vs-" + number_text(strength);
  } else {
    candidate.alpha = alpha;
    candidate.stem = "vp-" + number_text(alpha) + "-" + number_text(strength);
  }
  candidate.label = strength_text(candidate) + "  " + seed_label(candidate);
}

/// Returns options for images that are not edits and do not use the original.
SampleOptions without_original(SampleOptions sample) {
  sample.start = 1;
  sample.protect = false;
  return sample;
}

Candidate reconstruction(const EditRequest& request, std::uint64_t seed) {
  Candidate candidate;
  candidate.kind = Candidate::Kind::reconstruction;
  candidate.strategy = &find_forgetting_strategy("donotforget", request.method);
  candidate.seed = seed;
  candidate.sample = without_original(request.sample);
  candidate.label = "reconstruction  " + seed_label(candidate);
  candidate.stem = "reconstruction";
  return candidate;
}

void add_edits(std::vector<Candidate>& plan, const EditRequest& request, const std::string& target,
               const ForgettingStrategy& strategy, const std::vector<std::uint64_t>& seeds) {
  const bool vs = request.interpolation == Interpolation::vector_subtraction;
  const auto alphas = vs ? std::vector<double>{0.0} : request.alphas;
  for (const auto seed : seeds) {
    for (const double alpha : alphas) {
      for (const double strength : vs ? request.gammas : request.betas) {
        plan.push_back(edit_candidate(request, target, strategy, alpha, strength, seed));
      }
    }
  }
}

void add_unlearned(std::vector<Candidate>& plan, const EditRequest& request, const std::string& target,
                   const std::vector<std::uint64_t>& seeds) {
  for (const auto seed : seeds) {
    Candidate candidate;
    candidate.kind = Candidate::Kind::unlearned;
    candidate.target = target;
    candidate.seed = seed;
    candidate.sample = without_original(request.sample);
    candidate.row = "the untouched model, same prompts and seeds";
    candidate.label = label_text(target) + "\n" + seed_label(candidate);
    candidate.stem = prompt_slug(target) + "_unlearned" + seed_stem(seed);
    plan.push_back(candidate);
  }
}

/// Returns how many edits the request has.
double check_request(const EditRequest& request, std::size_t seeds) {
  if (request.targets.empty()) throw usage_error("target", "give the prompt of the edit");
  if (std::any_of(request.targets.begin(), request.targets.end(), is_blank)) {
    throw usage_error("target", "expected the prompt of the edit, got an empty text");
  }
  std::set<std::string_view> different;
  for (const auto& target : request.targets) {
    if (!different.insert(trimmed(target)).second) {
      throw usage_error("target", "the prompt '" + one_line(target) + "' is given twice");
    }
  }
  if (request.strategies.empty()) throw usage_error("forget", "expected at least one forgetting strategy");
  double strengths = 0;
  if (request.interpolation == Interpolation::vector_subtraction) {
    check_strengths("gamma", request.gammas);
    strengths = static_cast<double>(request.gammas.size());
  } else {
    check_strengths("alpha", request.alphas);
    check_strengths("beta", request.betas);
    strengths = static_cast<double>(request.alphas.size() * request.betas.size());
  }
  return static_cast<double>(request.targets.size() * request.strategies.size() * seeds) * strengths;
}

}  // namespace

std::string strength_text(const Candidate& candidate) {
  const auto strength = number_text(candidate.strength);
  if (candidate.interpolation == Interpolation::vector_subtraction) return "γ " + strength;
  return "α " + number_text(candidate.alpha) + "  β " + strength;
}

EditRequest default_sweep(LearnMethod method) {
  EditRequest request;
  request.method = method;
  if (method == LearnMethod::imagic) request.gammas = {1.2};
  return request;
}

EditRequest published_sweep(LearnMethod method) {
  auto request = default_sweep(method);
  if (method == LearnMethod::imagic) return request;
  const bool dreambooth = method == LearnMethod::dreambooth;
  request.gammas.clear();
  for (int i = dreambooth ? 8 : 0; i <= 16; ++i) request.gammas.push_back(i / 10.0);
  request.betas = request.gammas;
  request.alphas = dreambooth ? std::vector<double>{0.8, 0.9} : std::vector<double>{0.8, 0.9, 1.1};
  request.repeat = dreambooth ? 10 : 4;
  return request;
}

EditRequest story_sweep(LearnMethod method) {
  auto request = default_sweep(method);
  request.strategies = {"encoderkv"};
  request.gammas = {0.5, 0.6, 0.7};
  request.repeat = 4;
  return request;
}

EditRequest auto_sweep(LearnMethod method) {
  auto request = default_sweep(method);
  if (method != LearnMethod::imagic) {
    request.strategies = {"donotforget", "encoderattn", "decoderattn", "noencoder"};
  }
  request.gammas = {0.8, 1.0, 1.2};
  request.betas = {0.8, 1.2, 1.6};
  request.repeat = 4;
  return request;
}

std::vector<std::uint64_t> all_seeds(const EditRequest& request) {
  if (request.seeds.empty()) throw usage_error("seeds", "expected at least one seed");
  if (request.repeat < 1 || request.repeat > kMaxPictures) {
    throw usage_error("repeat", "expected 1 to " + std::to_string(kMaxPictures) + " repeats");
  }
  std::vector<std::uint64_t> seeds;
  for (const auto first : request.seeds) {
    if (first > kMaxSeed - request.repeat) {
      throw usage_error("seeds", "expected seeds from 0 to " + std::to_string(kMaxSeed) +
                                     ", repeats included, got " + std::to_string(first));
    }
    for (auto seed = first; seed < first + request.repeat; ++seed) {
      if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
    }
  }
  return seeds;
}

Candidate edit_candidate(const EditRequest& request, const std::string& target,
                         const ForgettingStrategy& strategy, double alpha, double strength,
                         std::uint64_t seed) {
  Candidate candidate;
  candidate.target = target;
  candidate.strategy = &strategy;
  candidate.seed = seed;
  candidate.sample = request.sample;
  set_strength(candidate, request.interpolation, alpha, strength);
  candidate.row = label_text(target) + " · " + interpolation_title(request.interpolation) + " · strategy " +
                  strategy.name;
  candidate.stem = prompt_slug(target) + "_" + candidate.stem + "_" + strategy.name + seed_stem(seed);
  return candidate;
}

void number_stem(Candidate& candidate, std::size_t number, std::size_t last) {
  const auto digits = std::max<std::size_t>(2, std::to_string(last).size());
  candidate.stem = fmt::format("{:0{}}-{}", number, digits, candidate.stem);
  candidate.number = number;
  candidate.last_number = last;
}

void renumber_stem(Candidate& candidate, std::size_t number, std::size_t last) {
  candidate.stem.erase(0, candidate.stem.find('-') + 1);
  number_stem(candidate, number, last);
}

std::vector<Candidate> plan_edit(const std::vector<EditRequest>& requests) {
  if (requests.empty()) throw usage_error("target", "give the prompt of the edit");
  double edits = 0;
  for (const auto& request : requests) edits += check_request(request, all_seeds(request).size());
  if (edits > static_cast<double>(kMaxPictures)) {
    throw usage_error(fmt::format("the sweep has {:.0f} images, expected at most {}", edits, kMaxPictures));
  }
  std::vector<Candidate> plan{reconstruction(requests.front(), all_seeds(requests.front()).front())};
  for (const auto& request : requests) {
    const auto seeds = all_seeds(request);
    for (const auto& target : request.targets) {
      for (const auto& strategy : request.strategies) {
        add_edits(plan, request, target, find_forgetting_strategy(strategy, request.method), seeds);
      }
    }
  }
  for (const auto& request : requests) {
    if (!request.unlearned) continue;
    for (const auto& target : request.targets) add_unlearned(plan, request, target, all_seeds(request));
  }
  // Sorted file names have the order of the sheet.
  for (std::size_t i = 1; i < plan.size(); ++i) number_stem(plan[i], i, plan.size() - 1);
  return plan;
}

std::string slug(const std::string& text, std::size_t max_length) {
  std::string result;
  bool gap = false;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
      gap = true;
      continue;
    }
    if (gap && !result.empty()) result += '-';
    gap = false;
    result += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (result.size() > max_length) {
    // Cuts at the end of a word if one ends in the second half.
    const auto end = result.rfind('-', max_length);
    result.resize(end != std::string::npos && end > max_length / 2 ? end : max_length);
  }
  return result.empty() ? "picture" : result;
}

std::string prompt_slug(const std::string& prompt) {
  std::size_t kept = 0, lost = 0;
  for (const char c : prompt) {
    kept += std::isalnum(static_cast<unsigned char>(c)) != 0;
    lost += (static_cast<unsigned char>(c) & 0xc0) == 0xc0;  // the first byte of a character beyond ASCII
  }
  if (lost <= kept && kept > 0) return slug(prompt);
  return (kept > 0 ? slug(prompt) : std::string("prompt")) + "-" +
         content_hash(prompt).substr(0, kHashDigits);
}

}  // namespace forgedit
