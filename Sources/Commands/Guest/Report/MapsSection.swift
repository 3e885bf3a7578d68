import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// Which maps there are; what is in them is too much for a report.
struct MapsSection {
  private let snapshot: Snapshot<[MapHead]>?
  /// Why there are none.
  let failure: (any Error)?

  init(_ reading: Result<Snapshot<[MapHead]>, any Error>) {
    (snapshot, failure) = (try? reading.get(), reading.failure)
  }

  var stops: Int { snapshot?.stops ?? 0 }
  var missing: [String] { snapshot?.missing ?? [] }
  var unreadable: [UnreadableObject] { snapshot?.unreadable ?? [] }

  /// Named as a failure dump names them: a reader of those demands the list, and the first four of each.
  private static let fields: [Field<MapHead>] = [
    Field("name") { .string($0.name) },
    Field("map_type") { JSON($0.type) },
    Field("value_size") { JSON($0.valueSize) },
    Field("max_entries") { JSON($0.maxEntries) },
    Field("id") { .unsigned($0.id) },
    Field("type") { JSON(named: $0.typeName, $0.type) },
    Field("key_size") { JSON($0.keySize) },
  ]

  var json: [JSON.Member] {
    [.init(key: "maps", value: .array([JSON](snapshot?.value ?? [], Self.fields)))]
      + (failure.map { [.init(key: "maps_unavailable", value: .string("\($0)"))] } ?? [])
  }

  var lines: [String] { snapshot.map { ["maps: \($0.value.count)"] } ?? [] }
}

extension Session {
  /// Reads which maps there are, in stops of its own, for there may be many.
  func readMaps() throws -> Snapshot<[MapHead]> {
    try ofThisBoot { kernel in try walk(kernel, try bpf(of: kernel).mapHeadWalker()) }
  }
}
