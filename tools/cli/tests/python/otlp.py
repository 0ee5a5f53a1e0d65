"""Decodes OTLP profiles from standard input, checks the format's rules, and prints them as JSON.

With the argument `request`, the bytes are the body of a push to a collector.
"""

import json
import sys

from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
from opentelemetry.proto.profiles.v1development import profiles_pb2

is_request = sys.argv[1:] == ["request"]
data = (
    profiles_service_pb2.ExportProfilesServiceRequest()
    if is_request
    else profiles_pb2.ProfilesData()
)
data.ParseFromString(sys.stdin.buffer.read())
known = data.dictionary
strings = list(known.string_table)


def check_tables():
    """Entry 0 is the zero value, no entry is there twice, and there are no unknown fields."""
    for name in ["mapping", "location", "function", "link", "attribute", "stack"]:
        table = getattr(known, name + "_table")
        assert len(table) > 0 and table[0] == type(table[0])(), name
        encoded = [entry.SerializeToString(deterministic=True) for entry in table]
        assert len(set(encoded)) == len(encoded), name
    assert strings[0] == "" and len(set(strings)) == len(strings)


def check_references(profiles):
    """Every index is in its table, and every entry but the first is referred to."""
    used = {name: {0} for name in ["strings", "mappings", "locations", "functions", "stacks"]}
    used["attributes"] = {0}

    def attributes(owner):
        used["attributes"].update(owner.attribute_indices)

    for profile in profiles:
        attributes(profile)
        for kind in (profile.sample_type, profile.period_type):
            used["strings"].update([kind.type_strindex, kind.unit_strindex])
        for sample in profile.samples:
            used["stacks"].add(sample.stack_index)
            attributes(sample)
            assert sample.link_index == 0 and len(sample.timestamps_unix_nano) == 0
    for stack in known.stack_table:
        used["locations"].update(stack.location_indices)
    for location in known.location_table:
        used["mappings"].add(location.mapping_index)
        used["functions"].update(line.function_index for line in location.lines)
    for mapping in known.mapping_table:
        used["strings"].add(mapping.filename_strindex)
        attributes(mapping)
    for function in known.function_table:
        used["strings"].update([function.name_strindex, function.filename_strindex])
    for attribute in known.attribute_table:
        used["strings"].add(attribute.key_strindex)
    # Values of attributes are texts of their own.
    values = {attribute.value.string_value for attribute in known.attribute_table}
    used["strings"].update(at for at, text in enumerate(strings) if text in values)
    tables = {
        "strings": strings,
        "mappings": known.mapping_table,
        "locations": known.location_table,
        "functions": known.function_table,
        "stacks": known.stack_table,
        "attributes": known.attribute_table,
    }
    for name, table in tables.items():
        assert used[name] == set(range(len(table))), name


def attributes_of(owner):
    entries = [known.attribute_table[index] for index in owner.attribute_indices]
    return {strings[entry.key_strindex]: entry.value.string_value for entry in entries}


def short(index):
    """A text that may be 10 MB long, of which the beginning is enough."""
    return strings[index][:200]


def location(index):
    found = known.location_table[index]
    mapping = known.mapping_table[found.mapping_index]
    lines = [
        {
            "function": short(known.function_table[line.function_index].name_strindex),
            "file": short(known.function_table[line.function_index].filename_strindex),
            "line": line.line,
            "column": line.column,
        }
        for line in found.lines
    ]
    return {
        "address": found.address,
        "mapping": strings[mapping.filename_strindex],
        "start": mapping.memory_start,
        "limit": mapping.memory_limit,
        "mapping_attributes": attributes_of(mapping),
        "lines": lines,
    }


def sample(found):
    (value,) = found.values
    assert value > 0, "what is zero is no sample, and nothing is negative"
    stack = known.stack_table[found.stack_index]
    return {
        "value": value,
        "stack": list(stack.location_indices),
        "attributes": attributes_of(found),
    }


def kind(value_type):
    return "/".join([strings[value_type.type_strindex], strings[value_type.unit_strindex]])


def profile(found):
    assert found.HasField("sample_type") and found.HasField("period_type")
    return {
        "type": kind(found.sample_type),
        "period_type": kind(found.period_type),
        "period": found.period,
        "time": found.time_unix_nano,
        "duration": found.duration_nano,
        "id": found.profile_id.hex(),
        "attributes": attributes_of(found),
        "samples": [sample(one) for one in found.samples],
    }


(resource,) = data.resource_profiles
(scope,) = resource.scope_profiles
check_tables()
check_references(scope.profiles)
value_of = lambda value: getattr(value, value.WhichOneof("value"))
json.dump(
    {
        "resource": {entry.key: value_of(entry.value) for entry in resource.resource.attributes},
        "scope": [scope.scope.name, scope.scope.version],
        "locations": [location(index) for index in range(len(known.location_table))],
        "profiles": [profile(one) for one in scope.profiles],
    },
    sys.stdout,
)
