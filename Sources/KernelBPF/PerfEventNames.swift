/// The words of bpftool for what a perf event counts: `enum perf_type_id`, `enum perf_hw_id`,
/// `enum perf_sw_ids` and `enum perf_hw_cache_id` of include/uapi/linux/perf_event.h, in the order
/// of their numbers, which are part of the kernel's ABI.
enum PerfEventNames {
  /// Nil for a number without a word.
  static func names(type: UInt32, config: UInt64) -> (type: String?, config: String?) {
    let types = ["hardware", "software", "tracepoint", "hw-cache", "raw", "breakpoint"]
    let name =
      switch type {
      case 0: word(config, hardware)
      case 1: word(config, software)
      case 3: cacheName(config)
      default: nil as String?
      }
    return (word(UInt64(type), types), name)
  }

  private static func word(_ number: UInt64, _ words: [String]) -> String? {
    number < UInt64(words.count) ? words[Int(number)] : nil
  }

  private static func cacheName(_ config: UInt64) -> String {
    let parts = [
      (config & 0xff, caches), (config >> 8 & 0xff, operations), (config >> 16, results),
    ]
    return parts.map { word($0, $1) ?? "\($0)" }.joined(separator: "-")
  }

  private static let hardware = [
    "cpu-cycles", "instructions", "cache-references", "cache-misses", "branch-instructions",
    "branch-misses", "bus-cycles", "stalled-cycles-frontend", "stalled-cycles-backend",
    "ref-cycles",
  ]
  private static let software = [
    "cpu-clock", "task-clock", "page-faults", "context-switches", "cpu-migrations", "minor-faults",
    "major-faults", "alignment-faults", "emulation-faults", "dummy", "bpf-output",
    "cgroup-switches",
  ]
  private static let caches = ["L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node"]
  private static let operations = ["load", "store", "prefetch"]
  private static let results = ["refs", "misses"]
}
