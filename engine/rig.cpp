#include "rig.h"

#include <utility>

#include "rig_chain.h"

namespace triode {

Rig::Rig() : chain_(std::make_unique<RigChain>()) {}
Rig::Rig(Rig&&) noexcept = default;
Rig& Rig::operator=(Rig&&) noexcept = default;
Rig::~Rig() = default;

void Rig::play(Engine* engine, Engine* second, Pairing pairing) { chain_->play(engine, second, pairing); }
void Rig::configure(double sample_rate_hz) { chain_->configure(sample_rate_hz); }
void Rig::load_response(std::vector<float> samples, double sample_rate_hz, int which) {
  chain_->load_response(std::move(samples), sample_rate_hz, which);
}
void Rig::set(const RigSettings& settings) noexcept { chain_->set(settings); }
const Levels& Rig::levels() const noexcept { return chain_->levels(); }
void Rig::process(const float* in, float* out, std::int64_t n) noexcept { chain_->process(in, out, n); }
void Rig::reset() noexcept { chain_->reset(); }
int Rig::latency_samples() const noexcept { return chain_->latency_samples(); }
bool Rig::asleep() const noexcept { return chain_->asleep(); }
double Rig::host_rate_hz() const noexcept { return chain_->host_rate_hz(); }

}  // namespace triode
