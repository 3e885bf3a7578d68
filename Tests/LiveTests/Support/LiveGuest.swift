import Foundation
import Testing

/// A guest that scripts/guest-boot has booted, and what it says of itself.
struct LiveGuest: CustomTestStringConvertible, Sendable {
  let label: String
  let folder: URL

  /// The folder that holds a folder a guest, from the environment.
  static let root = ProcessInfo.processInfo.environment["GUESTSCOPE_LIVE"]
  static let absence: Comment =
    "no guests: GUESTSCOPE_LIVE is not set; scripts/test boots them and sets it"

  /// Every guest that is up; none when there are none to test.
  static var all: [LiveGuest] {
    guard let root else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return names.sorted().map { LiveGuest($0) }.filter { $0.exists("truth.jsonl") }
  }

  /// Guests that rest, so that their words stay true.
  static var resting: [LiveGuest] {
    let restless = ["-churn", "-busy", "-scx"]
    return all.filter { guest in
      guest.deaths.isEmpty && !restless.contains { guest.label.hasSuffix($0) }
    }
  }

  /// How it has died since it told its truth: the kinds of scripts/guest-boot --dies, of which its name
  /// is made; none for one that lives.
  var deaths: [String] {
    let parts = label.components(separatedBy: "-dies-")
    return parts.count == 2 ? parts[1].components(separatedBy: "+") : []
  }

  /// Guests in which bpftool has run; in one of 5000 programs, or of a million entries, it takes
  /// minutes.
  static var withBpftool: [LiveGuest] {
    resting.filter { !$0.label.hasSuffix("-many") && !$0.label.hasSuffix("-large") }
  }

  /// Those that have one of everything; one is without (gs.objects=0), to count costs in.
  static var withObjects: [LiveGuest] { withBpftool.filter { $0.label != "x86-6.1" } }

  /// A whole system with systemd, which scripts/test --debian boots. There is no loader in it, and
  /// nothing of all that only the loader makes.
  var isDebian: Bool { label == "debian" }

  /// A crash kernel runs since it told its truth.
  var hasCrashed: Bool { label.hasSuffix("-kdump") }

  /// A guest on each version of QEMU, of an architecture that all of them have.
  static var oneOfEachQEMU: [LiveGuest] {
    var seen: Set<String> = []
    return resting.filter { $0.label.hasPrefix("x86") && seen.insert($0.text("qemu")).inserted }
  }

  init(_ label: String) {
    self.label = label
    folder = URL(fileURLWithPath: Self.root ?? "/nonexistent").appendingPathComponent(label)
  }

  var testDescription: String { label }

  var target: String {
    exists("gdb.sock") ? "unix:\(path("gdb.sock"))" : ":" + text("gdb-port")
  }

  /// Of its gdbserver; nil for one on a unix socket.
  var port: Int? { Int(text("gdb-port")) }

  var kernel: String { path("kernel") }
  var qmp: QMP { get throws { try QMP(path("qmp.sock")) } }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(name))
  }

  private func text(_ name: String) -> String {
    let text = (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The number of its vCPUs, online or not.
  var cpuCount: Int {
    get throws {
      let kernel = try truth("kernel").first
      // One without data symbols says null.
      return kernel?["nr_cpu_ids"] as? Int ?? kernel?["cpus"] as? Int ?? 0
    }
  }

  /// What `bpftool -j KIND show` says in the guest.
  func bpftool(_ kind: String) throws -> [[String: Any]] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path("bpftool-\(kind).json")))
    return try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
  }

  /// What `bpftool -j map dump` says of each map, by its id; null for one that it cannot list.
  func bpftoolDumps() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path("bpftool-dump.json")))
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }

  /// The same as bpftool wrote it.
  func bpftoolDumpTexts() throws -> [Int: String] {
    let text = try String(contentsOfFile: path("bpftool-dump.json"), encoding: .utf8)
    // A line each: the id, and after it the document, with a comma where another map follows.
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("\"") }.map { line in
      let end = line.dropFirst().firstIndex(of: "\"")!
      let document = line[line.index(end, offsetBy: 2)...]
      return (
        Int(line[..<end].dropFirst()) ?? 0,
        String(document.last == "," ? document.dropLast() : document)
      )
    }
    return Dictionary(lines, uniquingKeysWith: { first, _ in first })
  }

  /// The guest's own words of one kind, which the loader gives its lines: `prog`, `map`, `log`.
  func truth(_ kind: String) throws -> [[String: Any]] {
    let lines = try String(contentsOfFile: path("truth.jsonl"), encoding: .utf8)
      .split(separator: "\n")
    return try lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }
      .compactMap { $0 as? [String: Any] }.filter { $0["kind"] as? String == kind }
  }
}

/// Live tests must run where guests should be: a CI without them has failed.
@Test func guestsAreThereInCI() {
  guard ProcessInfo.processInfo.environment["CI"] != nil else { return }
  #expect(!LiveGuest.all.isEmpty, LiveGuest.absence)
  #expect(LiveGuest.oneOfEachQEMU.count >= QEMUProgram.all.count, "a QEMU without a guest")
  // Tests that have no guest say nothing.
  for (name, guests) in [
    ("attachments", LiveTests.AttachmentTests.guests),
    ("a large map", LiveTests.LargeMapTests.guests),
    ("sched_ext", LiveGuest.withSchedExt), ("schedulers that left", LiveGuest.withSchedulers),
    ("deaths", LiveTests.DeathTests.dead),
  ] {
    #expect(!guests.isEmpty, "no guest has \(name)")
  }
}
