// Filters and static curves in series: what their sizes imply, and which values make stable filters and sound curves.
#include <algorithm>
#include <array>
#include <utility>

#include "architecture_parts.h"
#include "bounds.h"

namespace triode {

using nlohmann::json;

namespace {

using Block = BlockOrientedSpec::Block;

constexpr std::array<std::pair<const char*, Band>, 5> kBands = {{{"low_shelf", Band::low_shelf},
                                                                 {"peak", Band::peak},
                                                                 {"high_shelf", Band::high_shelf},
                                                                 {"high_pass", Band::high_pass},
                                                                 {"low_pass", Band::low_pass}}};
constexpr std::int64_t kSectionWork = 10, kCurveWork = 50;  // multiplications, about

// What a tensor of a block may hold. A cookbook section of such a frequency and Q has its poles inside the unit circle.
struct Range {
  const char* tensor;
  int values;  // 0: one for each section
  float low, high;
};
constexpr std::array<Range, 3> kSectionRanges = {
    {{"frequency", 0, 1e-6f, 0.45f}, {"gain_db", 0, -60.0f, 60.0f}, {"q", 0, 0.05f, 50.0f}}};
constexpr std::array<Range, 7> kCurveRanges = {{{"pre_gain", 1, -1e6f, 1e6f},
                                                {"bias", 1, -100.0f, 100.0f},
                                                {"bias_shift", 1, -100.0f, 100.0f},
                                                {"bias_shift_frequency", 1, 1e-7f, 0.45f},
                                                {"knees", 2, 0.0f, 20.0f},
                                                {"slopes", 2, 1e-3f, 1e3f},
                                                {"post_gain", 1, -1e6f, 1e6f}}};

std::string block_prefix(const std::string& prefix, std::size_t index) {
  return prefix + "blocks." + std::to_string(index) + ".";
}

Band parse_band(const json& value, const std::string& where) {
  if (value.is_string())
    for (const auto& [name, band] : kBands)
      if (value.get_ref<const std::string&>() == name) return band;
  refuse(where, shown(value), "low_shelf, peak, high_shelf, high_pass or low_pass");
}

Block parse_block(const json& object, const std::string& where) {
  Fields fields(object, where);
  Block block;
  const std::string type = fields.text("type");
  if (type == "sections") {
    block.kind = Block::Kind::sections;
    const json& bands = fields.at("bands");
    require_array(bands, 1, limits::kSections, fields.path("bands"));
    for (const json& band : bands) block.bands.push_back(parse_band(band, fields.path("bands")));
  } else if (type == "fir") {
    block.kind = Block::Kind::fir;
    block.taps = fields.integer("taps", 1, limits::kTaps);
  } else if (type != "curve") {
    refuse(fields.path("type"), shown(type), "sections, fir or curve");
  }
  fields.refuse_others();
  return block;
}

template <std::size_t n>
void check_ranges(const std::array<Range, n>& ranges, const Tensors& tensors, const std::string& block) {
  for (const Range& range : ranges)
    for (const float value : tensors.find(block + range.tensor)->second.data)
      if (!(value >= range.low && value <= range.high))
        refuse("tensor " + shown(block + range.tensor), std::to_string(value),
               std::to_string(range.low) + " to " + std::to_string(range.high));
}

}  // namespace

BlockOrientedSpec parse_block_oriented(Fields& fields) {
  const json& list = fields.at("blocks");
  require_array(list, 1, limits::kBlocks, fields.path("blocks"));
  BlockOrientedSpec spec;
  for (std::size_t i = 0; i < list.size(); ++i)
    spec.blocks.push_back(parse_block(list[i], fields.path("blocks[" + std::to_string(i) + "]")));
  return spec;
}

std::int64_t BlockOrientedSpec::receptive_field() const {
  std::int64_t samples = 1;
  for (const Block& block : blocks) samples += block.taps - 1;
  return samples;
}

std::int64_t BlockOrientedSpec::work() const {
  std::int64_t work = 0;
  for (const Block& block : blocks)
    work += block.kind == Block::Kind::fir     ? block.taps
            : block.kind == Block::Kind::curve ? kCurveWork
                                               : kSectionWork * static_cast<std::int64_t>(block.bands.size());
  return work;
}

std::int64_t BlockOrientedSpec::memory() const {
  std::int64_t floats = scratch_floats(2);
  for (const Block& block : blocks)
    if (block.kind == Block::Kind::fir) floats += history_floats(1, block.taps);
  return floats;
}

std::vector<Slot> BlockOrientedSpec::slots(const std::string& prefix) const {
  std::vector<Slot> list;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::string name = block_prefix(prefix, i);
    if (blocks[i].kind == Block::Kind::fir) list.push_back({name + "taps", {blocks[i].taps}});
    if (blocks[i].kind == Block::Kind::sections)
      for (const Range& range : kSectionRanges)
        list.push_back({name + range.tensor, {static_cast<std::int64_t>(blocks[i].bands.size())}});
    if (blocks[i].kind == Block::Kind::curve)
      for (const Range& range : kCurveRanges) list.push_back({name + range.tensor, {range.values}});
  }
  return list;
}

json BlockOrientedSpec::to_json() const {
  json object = {{"name", "block-oriented"}, {"blocks", json::array()}};
  for (const Block& block : blocks) {
    json entry;
    if (block.kind == Block::Kind::curve) entry = {{"type", "curve"}};
    if (block.kind == Block::Kind::fir) entry = {{"type", "fir"}, {"taps", block.taps}};
    if (block.kind == Block::Kind::sections) {
      entry = {{"type", "sections"}, {"bands", json::array()}};
      for (const Band band : block.bands) entry["bands"].push_back(kBands[static_cast<std::size_t>(band)].first);
    }
    object["blocks"].push_back(std::move(entry));
  }
  return object;
}

void BlockOrientedSpec::check_values(const Tensors& tensors, const std::string& prefix) const {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].kind == Block::Kind::sections) check_ranges(kSectionRanges, tensors, block_prefix(prefix, i));
    if (blocks[i].kind == Block::Kind::curve) check_ranges(kCurveRanges, tensors, block_prefix(prefix, i));
  }
}

}  // namespace triode
