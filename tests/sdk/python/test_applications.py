"""Applications and event types: the objects without deliveries."""

import dialect
from journey import Journey, unique, walk
from svix import models
from svix.api import ApplicationListOptions, EventTypeDeleteOptions, EventTypeListOptions


class Applications(Journey):
    def test_an_application_is_found_by_its_id_and_by_its_uid(self):
        uid = unique("customer")
        made = self.application(uid=uid, metadata={"plan": "gold"})
        for name in (made, uid):
            found = self.svix.application.get(name)
            self.assertEqual((found.id, found.uid, found.metadata), (made, uid, {"plan": "gold"}))

    def test_get_or_create_makes_an_application_once(self):
        uid = unique("customer")
        first = self.svix.application.get_or_create(models.ApplicationIn(name="first", uid=uid))
        self.addCleanup(self.delete_application, first.id)
        second = self.svix.application.get_or_create(models.ApplicationIn(name="second", uid=uid))
        self.assertEqual((second.id, second.name), (first.id, "first"))

    def test_a_uid_is_taken_once_and_free_again_after_deletion(self):
        uid = unique("customer")
        made = self.application(uid=uid)
        again = models.ApplicationIn(name="again", uid=uid)
        self.assertEqual(self.refused(409, self.svix.application.create, again).code, "conflict")
        self.svix.application.delete(made)
        self.assertEqual(self.refused(404, self.svix.application.get, uid).code, "not_found")
        self.assertNotEqual(self.application(uid=uid), made)

    def test_a_patch_keeps_what_is_absent_and_clears_what_is_null(self):
        made = self.application(uid=unique("customer"), metadata={"a": "1"})
        renamed = self.svix.application.patch(made, models.ApplicationPatch(name="renamed"))
        self.assertEqual((renamed.name, renamed.metadata), ("renamed", {"a": "1"}))
        self.assertIsNotNone(renamed.uid)
        cleared = self.svix.application.patch(made, models.ApplicationPatch(uid=None))
        self.assertEqual((cleared.name, cleared.uid, cleared.metadata), ("renamed", None, {"a": "1"}))

    def test_put_writes_an_application_whole_or_makes_it(self):
        made = self.application(uid=unique("customer"), metadata={"a": "1"})
        whole = dialect.put(self.svix.application)(made, models.ApplicationIn(name="whole"))
        self.assertEqual((whole.id, whole.name, whole.metadata), (made, "whole", {}))
        uid = unique("customer")
        new = dialect.put(self.svix.application)(uid, models.ApplicationIn(name="new", uid=uid))
        self.addCleanup(self.delete_application, new.id)
        self.assertEqual(new.uid, uid)

    def test_with_an_application_everything_in_it_is_gone(self):
        endpoint, inbox = self.endpoint()
        sent = self.message()
        inbox.take()
        self.settled(sent.id, endpoint.id, 0)
        self.svix.application.delete(self.app)
        self.refused(404, self.svix.endpoint.get, self.app, endpoint.id)
        self.refused(404, self.svix.message.get, self.app, sent.id)
        self.refused(404, self.svix.message_attempt.list_by_msg, self.app, sent.id)
        self.refused(404, self.svix.application.delete, self.app)

    def test_a_walk_over_pages_meets_every_application_once(self):
        made = [self.application() for _ in range(7)]
        seen = [app.id for app in walk(self.svix.application.list, ApplicationListOptions, limit=3)]
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual([app for app in seen if app in made], made)


class EventTypes(Journey):
    def test_an_event_type_is_created_read_written_and_patched(self):
        schema = {"1": {"type": "object", "properties": {"id": {"type": "string"}}}}
        name = self.event_type(description="first", schemas=schema, group_name="invoice")
        found = self.svix.event_type.get(name)
        self.assertEqual((found.description, found.schemas, found.group_name), ("first", schema, "invoice"))
        patched = self.svix.event_type.patch(name, models.EventTypePatch(description="second", group_name=None))
        self.assertEqual((patched.description, patched.group_name, patched.schemas), ("second", None, schema))
        whole = dialect.put(self.svix.event_type)(name, dialect.event_type_whole(description="third"))
        self.assertEqual((whole.description, whole.schemas), ("third", None))

    def test_a_name_is_taken_once(self):
        again = models.EventTypeIn(name=self.event_type(), description="again")
        self.assertEqual(self.refused(409, self.svix.event_type.create, again).code, "event_type_exists")

    def test_deleting_archives_and_creating_again_revives(self):
        name = self.event_type()
        self.svix.event_type.delete(name)
        self.assertTrue(self.svix.event_type.get(name).archived)
        self.assertNotIn(name, self.names())
        self.assertIn(name, self.names(include_archived=True))
        self.event_type(name=name)
        self.assertFalse(self.svix.event_type.get(name).archived)
        self.assertIn(name, self.names())

    def test_expunging_deletes_for_good(self):
        name = self.event_type()
        self.svix.event_type.delete(name, EventTypeDeleteOptions(expunge=True))
        self.refused(404, self.svix.event_type.get, name)

    def test_a_walk_over_pages_meets_every_event_type_once_in_order_of_name(self):
        made = sorted(self.event_type() for _ in range(5))
        seen = self.names(limit=2)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual([name for name in seen if name in made], made)

    def names(self, **fields):
        return [kind.name for kind in walk(self.svix.event_type.list, EventTypeListOptions, **fields)]
