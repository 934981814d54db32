"""What do broken rules of the database mean to a clerk?"""

from app.core.constraints import declare
from app.core.i18n import _l

declare(
    {
        "family_code_key": _l("Another family has this code."),
        "uq_adult_family_role": _l("This family has such an adult already."),
        "school_name_key": _l("Another school has this name."),
        "school_uai_key": _l("Another school has this UAI."),
        "school_year_name_key": _l("There is a school year of this name already."),
        "ck_school_year_dates": _l("The last day of a school year lies after its first."),
        "uq_school_class_name": _l("This school has a class of this name in this year already."),
        "uq_school_enrolment_year": _l("This child has a school for this year already: change that one."),
        "uq_household_open": _l("The child already lives in this household."),
        "ck_household_dates": _l("A household cannot end before it begins."),
        "uq_income_quotient_month": _l("This family has a quotient for this month already."),
        "uq_family_link_open": _l("This account acts for this family already."),
        "ab_user_username_key": _l("This identifier is taken: choose another one."),
        "ck_enrolment_dates": _l("The last day lies before the first."),
        "uq_mandate_open": _l("This family has a mandate already."),
        "activity_name_key": _l("Another activity has this name."),
        "ck_activity_ages": _l("The greatest age is not below the least."),
        "ck_activity_dates": _l("The last day of an activity does not lie before its first."),
        "ck_activity_offer_hours": _l("A place is offered for an hour at least."),
        "uq_activity_unit_name": _l("This activity has a unit of this name already."),
        "uq_activity_group_name": _l("This activity has a group of this name already."),
        "ck_activity_group_ages": _l("The greatest age is not below the least."),
        "ck_places_count": _l("There are no fewer than 0 places."),
        "uq_places_every_day": _l("This group has a number of places for this unit already: change that one."),
        "uq_places_one_day": _l("This group has a number of places for this unit on this day already: change that one."),
        "uq_places_shared_every_day": _l("This group has a number of places for all units together already: change that one."),
        "uq_places_shared_one_day": _l("This group has a number of places for all units together on this day already: change that one."),
        "uq_school_holiday_zone": _l("This zone has a holiday that begins on this day already."),
        "ck_school_holiday_dates": _l("The last day does not lie before the first."),
        "ck_calendar_exception_dates": _l("The last day does not lie before the first."),
        "paper_type_name_key": _l("Another paper has this name."),
        "ck_paper_type_months": _l("For how many months is this paper good?"),
    }
)
