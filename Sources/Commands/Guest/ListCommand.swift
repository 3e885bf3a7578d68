import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// A command that lists the objects of one of the kernel's tables, with bpftool's keys.
protocol ListCommand: SelectingCommand, OrderedCommand {
  associatedtype Listing: ObjectListing where Listing.Object: SelectableObject
  static var fields: [Field<Listing.Object>] { get }
  var order: OrderOptions { get }
  var table: ColumnOptions { get }

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<Listing>
  /// The JSON form of an object: all fields that have a key, unless the command adds more.
  func json(_ object: Listing.Object) -> JSON
  /// What else the user should know of the objects.
  func remark(on listing: Listing) -> String?
}

extension ListCommand {
  static var keys: [String] { fields.names() }
  func remark(on listing: Listing) -> String? { nil }
  func json(_ object: Listing.Object) -> JSON { JSON(object, Self.fields) }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields, columns: table.columns)
    let found = try find(in: session) { query, bpf in try list(query, of: bpf) }
    return form.answer(
      found.objects, json: json, missing: found.snapshot.missing,
      remarks: [
        found.emptyRemark(of: Self.objects), remark(on: found.snapshot.value),
      ].compactMap { $0 })
  }
}

/// What a selection found.
struct Found<Listing: ObjectListing> {
  /// Those that were selected, of all in the snapshot.
  var objects: [Listing.Object]
  var snapshot: Snapshot<Listing>
  /// The type that is meant where the user names nothing; nil where all are.
  var standard: String?

  /// What to say of an answer without an object.
  func emptyRemark(of kind: ObjectKind) -> String? {
    guard objects.isEmpty, snapshot.unreadable.isEmpty else { return nil }
    guard let standard else { return "the guest has no \(kind.plural)" }
    let others = snapshot.value.otherTypes
    return "the guest has no \(standard) \(kind.noun)s, "
      + (others == 0
        ? "and none of other types" : "but \(others) of other types: type all lists them")
  }
}

extension SelectingCommand {
  /// Takes a snapshot of the objects that the words select.
  ///
  /// - Parameters:
  ///   - standard: the type that is meant where the words select nothing at all.
  ///   - list: reads them.
  func find<Listing: ObjectListing>(
    in session: Session, type standard: String = "all",
    _ list: (ObjectQuery, BPFObjects) throws -> Snapshot<Listing>
  ) throws -> Found<Listing> where Listing.Object: SelectableObject {
    let selection = try selection
    var types: Set<UInt32>?
    let snapshot = try session.ofThisBoot { kernel in
      types = try selection.typeNumbers(in: Self.objects.typeNames(kernel), default: standard)
      let query = ObjectQuery(ids: selection.onlyIDs, types: types)
      return try list(query, try session.bpf(of: kernel))
    }
    let objects = selection.matching(snapshot.value.objects, types: types)
    try selection.admit(objects, unreadable: snapshot.unreadable)
    return Found(
      objects: objects, snapshot: snapshot,
      standard: types == nil || standard == "all" ? nil : standard)
  }
}
