"""What does a list say that holds nothing? What is missing, and where it comes from."""

from app.core.i18n import _, _l

#: View → (what there is none of, what to do about it or when it comes).
SENTENCES = {
    "AbsenceReasonView": (_l("There is no reason yet."), _l("Add some: families choose one when they announce an absence.")),
    "AbsencesView": (_l("No absence has been announced."), _l("Families do so in their agenda; “Book…” does it for them.")),
    "AccountsView": (_l("There is no account yet."), _l("Invite a family from its page, or add somebody of the staff.")),
    "ActivityView": (_l("The town has no activity yet."), _l("Add one: the canteen, for instance. Then say what can be booked.")),
    "AdjustmentView": (_l("Nothing was added or taken off."), _l("An adjustment is made from the page of a family.")),
    "AdultView": (_l("There is no adult yet."), _l("Adults come with a new family.")),
    "AttemptView": (_l("Nobody has paid online yet."), _l("Each try of a family stands here, with the bank's answer.")),
    "AllRequestsView": (_l("No family has asked for anything yet."), _l("Each request stands here, whatever became of it.")),
    "AuthorisationView": (_l("No authorisation has been given yet."), _l("Families give them on the page of a child.")),
    "BankView": (_l("No bank details are known."), _l("Families give them in “My account”, with a slip of the bank.")),
    "BillView": (_l("Nothing has been computed yet."), _l("Open a period under “Billing” and compute it.")),
    "BookingsView": (_l("Nothing is booked."), _l("Families book in their agenda; “Book…” does it for them.")),
    "BroadcastView": (_l("Nothing has been sent to many families yet."), _l("“New message to many” shows first who gets it.")),
    "CafView": (_l("No CAF number is known."), _l("Families give it in “My account”.")),
    "CancellationsView": (_l("No day has been taken away."), _l("“Take a day away…” closes a service for a day.")),
    "CannedView": (_l("There is no sentence yet."), _l("Add those that you write again and again.")),
    "ChildView": (_l("There is no child yet."), _l("Children are added on the page of their family.")),
    "ClassView": (_l("There is no class yet."), _l("Add the classes of each school.")),
    "ComplementaryView": (_l("No complementary data are known."), _l("Families give them on the page of a child.")),
    "ActivityEnrolmentView": (_l("Nobody is enrolled yet."), _l("Families ask for it; from the page of a child you enrol it.")),
    "ExceptionView": (_l("No day is closed or opened apart."), _l("Add a strike, a bridge day, an exceptional opening.")),
    "ExemptionView": (_l("Everything is paid."), _l("Add the days that nobody pays: a strike, a closure.")),
    "FamilyView": (_l("There is no family yet."), _l("Add one, or let families register by themselves.")),
    "GrantView": (_l("No rate has been granted."), _l("A rate is granted from the page of a family.")),
    "GroupView": (_l("There is no group yet."), _l("Groups are added on the page of an activity.")),
    "HealthReadView": (_l("Nobody has read health data."), _l("Each reading leaves a line here.")),
    "HealthRecordView": (_l("No health record is known."), _l("Families fill it in on the page of a child.")),
    "HouseholdView": (_l("No child lives in two households."), _l("A child is shared from its page.")),
    "InvoiceView": (_l("No invoice has been issued yet."), _l("Compute a period under “Billing”, look at it, issue it.")),
    "LogView": (_l("Nothing has happened yet."), _l("Whatever is changed leaves a line here.")),
    "MailView": (_l("No mail has left yet."), _l("Mails are made by decisions, invoices and messages.")),
    "MandateView": (_l("Nobody has signed a mandate."), _l("It is added from the page of a family with bank details.")),
    "NewsView": (_l("There is no news."), _l("Add some: families read them on their home page.")),
    "PaperTypeView": (_l("No paper is asked for."), _l("Add those that the town needs: insurance, proof of address.")),
    "PaperView": (_l("No paper has come yet."), _l("Families send them; on paper they are added here.")),
    "PaymentView": (_l("Nothing has been received yet."), _l("A payment is entered on the page of a family.")),
    "PickUpView": (_l("Nobody else may pick up a child."), _l("Families name them on the page of a child.")),
    "PlacesView": (_l("No number of places differs."), _l("It is added on the page of a group.")),
    "ProofView": (_l("Every quotient is proved and young enough."), _l("Who lacks a proof of income stands here.")),
    "QuotientView": (_l("No quotient is known."), _l("It is added from the page of a family.")),
    "RefusalReasonView": (_l("There is no reason yet."), _l("Add those that you refuse a request with.")),
    "ReminderStepView": (_l("Nobody is reminded."), _l("Add a first step: ten days late, for instance.")),
    "ReminderView": (_l("No reminder has been sent yet."), _l("“Who gets one now” shows what is late, and sends them.")),
    "EnrolmentView": (_l("No child is enrolled at a school."), _l("It is added on the page of a child.")),
    "SchoolHolidayView": (_l("No holidays are known."), _l("Import the official calendar, or add them by hand.")),
    "SchoolView": (_l("There is no school yet."), _l("Add one, then its classes.")),
    "ShareView": (_l("Nobody else pays a share."), _l("It is added from the page of a family.")),
    "SuspenseView": (_l("No payment waits for a look."), _l("What does not fit to the cent comes here.")),
    "TaxView": (_l("No tax data are known."), _l("Families give them in “My account”.")),
    "ThreadsView": (_l("No message waits for an answer."), _l("Choose another state to see the others.")),
    "TopicView": (_l("There is no topic yet."), _l("Add some: families say what their message is about.")),
    "UnitView": (_l("Nothing can be booked yet."), _l("It is added on the page of an activity.")),
    "WaitingView": (_l("Nobody waits for a place."), _l("Families stand in line for full days, if the activity allows it.")),
    "YearView": (_l("There is no school year yet."), _l("Add the one that runs, with its first and last day.")),
}


def nothing(view):
    """(sentence, what to do) of a list without a row; narrowed by a search, it is the search that finds nothing."""
    if view.searched():
        return _("Nothing matches this search."), _("Take another word, or show all.")
    return SENTENCES[type(view).__name__]
